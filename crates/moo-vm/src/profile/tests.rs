//! Tables of tallies, and samples across slices.

use super::*;

#[test]
fn a_verb_is_counted_under_its_names_until_these_change() {
    let mut table = Table::default();
    let (look, glance) = (Value::str("l*ook"), Value::str("glance"));
    let first = table.tally(Obj(1), 7, &look);
    first.call();
    assert!(Arc::ptr_eq(&first, &table.tally(Obj(1), 7, &look)));
    let renamed = table.tally(Obj(1), 7, &glance);
    renamed.call();
    renamed.sample(1_000, 0.25);
    let rows: Vec<_> = table.rows().collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].definer, &rows[0].names), (Obj(1), &glance));
    let used = Used {
        calls: 1,
        ticks: 1_000,
        nanos: 250_000_000,
    };
    assert_eq!(rows[0].used, used);
    assert_eq!(
        rows[1].used.calls, 1,
        "what had the other name is kept with the others"
    );
}

#[test]
fn of_too_many_verbs_those_with_the_most_ticks_stay() {
    let mut table = Table::default();
    let name = Value::str("v");
    for number in 0..ROWS_MAX as i64 {
        table.tally(Obj(number), 0, &name).sample(number, 0.0);
    }
    table.tally(Obj(-2), 0, &name);
    assert_eq!(table.verbs.len(), ROWS_MAX / 2 + 1);
    assert!(!table.verbs.contains_key(&(Obj(0), 0)));
    assert!(table.verbs.contains_key(&(Obj(ROWS_MAX as i64 - 1), 0)));
    let all = ROWS_MAX as u64;
    assert_eq!(
        table.rows().map(|row| row.used.ticks).sum::<u64>(),
        all * (all - 1) / 2,
        "nothing that was used is lost"
    );
}

#[test]
fn slices_shorter_than_a_sample_add_up_to_samples() {
    let tally = Tally::default();
    for _ in 0..10 {
        let (mut sampler, look_at) = Sampler::begin(30_000, 5.0);
        // 300 ticks and a millisecond each: every fourth slice meets a sample.
        if 29_700 < look_at {
            sampler.sample(&tally, 29_700, 4.999);
        }
        sampler.end(29_700, 4.999);
    }
    let used = tally.used();
    assert_eq!(used.ticks, 2 * 1_200);
    assert!((7_900_000..=8_100_000).contains(&used.nanos), "{}", used.nanos);
    assert_eq!(UNCHARGED.get().ticks, 600);
}
