//! How much memory a setting allows: `"unlimited"`, or a number of MiB or GiB.

use serde::Deserialize;

/// A bound in bytes, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Memory(pub Option<u64>);

impl TryFrom<String> for Memory {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "unlimited" {
            return Ok(Memory(None));
        }
        let shift = |unit: &str| {
            [("MiB", 20), ("GiB", 30)]
                .into_iter()
                .find(|(name, _)| *name == unit)
        };
        let bytes = text.trim().split_once(' ').and_then(|(number, unit)| {
            let (_, shift) = shift(unit)?;
            number.parse::<u64>().ok()?.checked_mul(1 << shift)
        });
        match bytes {
            Some(bytes) if bytes > 0 => Ok(Memory(Some(bytes))),
            _ => Err(format!(
                "`{text}` is neither \"unlimited\" nor a size such as \"512 MiB\" or \"2 GiB\""
            )),
        }
    }
}
