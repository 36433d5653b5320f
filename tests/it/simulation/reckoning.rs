//! What was committed, against what people typed and read.

use std::collections::BTreeMap;

use moothall::protocol::ClientId;

use super::world::World;

impl World {
    /// Compares what was committed with what people typed and read.
    pub(super) fn reckon(&mut self) -> Result<(), String> {
        let mut effects: BTreeMap<ClientId, Vec<u64>> = BTreeMap::new();
        for &(client, line) in &self.daemon.disk.ledger {
            effects.entry(client).or_default().push(line);
        }
        for (client, person) in &self.people {
            let effects = effects.remove(client).unwrap_or_default();
            let told = self.daemon.disk.told.get(client).cloned().unwrap_or_default();
            self.tally.lines += person.typed;
            self.tally.deliveries += person.read.len() as u64;
            let in_order = (1..).zip(&effects).all(|(number, line)| number == *line);
            if !in_order || effects.len() as u64 > person.typed {
                return Err(format!(
                    "lines of {client} took effect as {effects:?}, of {} typed",
                    person.typed
                ));
            }
            if !told.starts_with(&person.read) {
                let at = person
                    .read
                    .iter()
                    .zip(&told)
                    .position(|(read, told)| read != told);
                return Err(format!(
                    "{client} read {} events and was told {}; the first that differs is {at:?}",
                    person.read.len(),
                    told.len()
                ));
            }
            if person.is_gone {
                continue;
            }
            if effects.len() as u64 != person.typed || person.answered != person.typed {
                return Err(format!(
                    "{client} typed {} lines, of which {} took effect and {} were answered",
                    person.typed,
                    effects.len(),
                    person.answered
                ));
            }
            if person.read.len() != told.len() || !person.has_read_all() {
                return Err(format!(
                    "{client} read {} of {} events",
                    person.read.len(),
                    told.len()
                ));
            }
        }
        Ok(())
    }
}
