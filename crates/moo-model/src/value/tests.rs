//! Random programs over values against a model of plain enums, and the edges that a program of luck would miss.

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Int(i64),
    Str(String),
    List(Vec<Model>),
    /// In the order of the keys.
    Map(Vec<(Model, Model)>),
}

impl Model {
    fn value(&self) -> Value {
        match self {
            Model::Int(i) => Value::int(*i),
            Model::Str(s) => Value::str(s),
            Model::List(l) => Value::list(l.iter().map(Model::value).collect()),
            Model::Map(m) => Value::map(m.iter().map(|(k, v)| (k.value(), v.value())).collect()),
        }
    }

    /// Where a key stands, or would stand: numbers first, strings by their folded characters.
    fn find(entries: &[(Model, Model)], key: &Model) -> Result<usize, usize> {
        let order = |model: &Model| match model {
            Model::Int(i) => (0, *i, String::new()),
            Model::Str(s) => (1, 0, s.to_lowercase()),
            _ => panic!("no key"),
        };
        entries.binary_search_by_key(&order(key), |(known, _)| order(known))
    }

    fn agrees(&self, value: &Value) -> bool {
        match (self, value.view()) {
            (Model::Int(a), View::Int(b)) => *a == b,
            (Model::Str(a), View::Str(b)) => a == b.as_str() && b.is_ascii_only() == a.is_ascii(),
            (Model::List(a), View::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.agrees(b))
            }
            (Model::Map(a), View::Map(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((k, v), (key, value))| k.agrees(key) && v.agrees(value))
            }
            _ => false,
        }
    }
}

/// A small deterministic generator, so that a failure repeats.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}

fn text_of(rng: &mut Rng) -> String {
    let len = rng.below(20) as usize;
    (0..len)
        .map(|_| ['a', 'B', 'z', 'é', '界'][rng.below(5) as usize])
        .collect()
}

fn step(rng: &mut Rng, pool: &mut [(Model, Value)]) {
    let pick = rng.below(pool.len() as u64) as usize;
    let (mut model, mut value) = pool[pick].clone();
    match rng.below(9) {
        0 => (model, value) = (Model::Int(pick as i64), Value::int(pick as i64)),
        1 => {
            let text = text_of(rng);
            (model, value) = (Model::Str(text.clone()), Value::string(text));
        }
        2 => {
            model = Model::List(pool.iter().take(4).map(|(m, _)| m.clone()).collect());
            value = Value::list(pool.iter().take(4).map(|(_, v)| v.clone()).collect());
        }
        3 => {
            if let (Model::List(items), Some(list)) = (&mut model, value.list_make_mut()) {
                items.push(Model::Int(7));
                list.push(Value::int(7));
            }
        }
        4 => {
            let tail = text_of(rng);
            if value.push_str(&Value::str(&tail)) {
                let Model::Str(text) = &mut model else {
                    panic!("only strings accept a tail")
                };
                text.push_str(&tail);
            }
        }
        5 => (model, value) = (Model::Map(Vec::new()), Value::map(Map::new())),
        6 => {
            let key = match rng.below(2) {
                0 => Model::Int(rng.below(4) as i64),
                _ => Model::Str(text_of(rng)),
            };
            let (inner_model, inner) = pool[rng.below(pool.len() as u64) as usize].clone();
            if let (Model::Map(entries), Some(map)) = (&mut model, value.map_make_mut()) {
                map.insert(key.value(), inner);
                match Model::find(entries, &key) {
                    Ok(at) => entries[at] = (key, inner_model),
                    Err(at) => entries.insert(at, (key, inner_model)),
                }
            }
        }
        7 => {
            let key = Model::Int(rng.below(4) as i64);
            if let (Model::Map(entries), Some(map)) = (&mut model, value.map_make_mut()) {
                let found = Model::find(entries, &key);
                assert_eq!(map.remove(&key.value()), found.is_ok());
                found.into_iter().for_each(|at| drop(entries.remove(at)));
            }
        }
        _ => drop(pool[pick].1.take()),
    }
    if depth(&model) < 5 {
        pool[pick] = (model, value);
    } else {
        pool[pick] = (Model::Int(0), Value::int(0));
    }
    if pool[pick].1.is_unset() {
        pool[pick].1 = pool[pick].0.value();
    }
}

fn depth(model: &Model) -> usize {
    match model {
        Model::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Model::Map(entries) => 1 + entries.iter().map(|(_, value)| depth(value)).max().unwrap_or(0),
        _ => 0,
    }
}

#[test]
fn random_programs_agree_with_the_model() {
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    for _ in 0..300 {
        let mut pool: Vec<_> = (0..6).map(|i| (Model::Int(i), Value::int(i))).collect();
        for _ in 0..100 {
            step(&mut rng, &mut pool);
            for (model, value) in &pool {
                assert!(model.agrees(value), "{model:?} against {value:?}");
            }
        }
    }
}

#[test]
fn a_value_is_two_words() {
    assert_eq!(size_of::<Value>(), 16);
}

#[test]
fn a_shared_list_is_not_edited_in_place() {
    let mut a = Value::list(vec![Value::int(1)]);
    let b = a.clone();
    assert!(a.list_mut().is_none());
    a.list_make_mut().expect("it is a list").push(Value::int(2));
    assert_eq!(b.as_list().map(<[Value]>::len), Some(1));
    assert_eq!(a.as_list().map(<[Value]>::len), Some(2));
}

#[test]
fn a_list_nested_a_million_deep_is_dropped_and_compared_without_recursion() {
    let nest = || (0..1_000_000).fold(Value::int(1), |inner, _| Value::list(vec![inner]));
    let (a, b) = (nest(), nest());
    assert!(a == b);
}

#[test]
fn maps_nested_a_hundred_thousand_deep_are_dropped_and_compared_without_recursion() {
    let nest = || {
        (0..100_000).fold(Value::int(1), |inner, nth| {
            let map = Value::map([(Value::int(1), inner)].into_iter().collect());
            if nth % 2 == 0 { Value::list(vec![map]) } else { map }
        })
    };
    let (a, b) = (nest(), nest());
    assert!(a == b);
    let trees = |size: i64| {
        (0..10_000).fold(Value::int(1), |inner, _| {
            let entries = (0..size).map(|i| (Value::int(i), Value::int(i)));
            Value::map(entries.chain([(Value::str("in"), inner)]).collect())
        })
    };
    drop(trees(map::FLAT_MAX as i64));
}

#[test]
fn strings_at_the_inline_limit_keep_their_text() {
    for len in 0..40 {
        let text = "x".repeat(len);
        assert_eq!(Value::str(&text).as_str(), Some(text.as_str()));
        assert_eq!(Value::string(text.clone()).as_str(), Some(text.as_str()));
    }
}

#[test]
fn equality_folds_case_and_never_crosses_kinds() {
    assert_eq!(Value::str("Hello"), Value::str("hELLO"));
    assert!(!Value::str("Hello").identical(&Value::str("hELLO")));
    assert_ne!(Value::int(1), Value::float(1.0));
    assert_ne!(Value::obj(Obj(1)), Value::int(1));
}

#[test]
fn towers_of_shared_lists_are_compared_in_time() {
    let tower = |base: i64| {
        (0..80).fold(Value::list(vec![Value::int(base)]), |inner, _| {
            Value::list(vec![inner.clone(), inner])
        })
    };
    assert!(tower(1) == tower(1));
    assert!(tower(1) != tower(2));
}

#[test]
fn references_to_anonymous_objects_are_a_kind_of_their_own_and_no_number_makes_one() {
    let (first, second) = (Obj::anonymous(0), Obj::anonymous((1 << 62) - 1));
    for (id, obj) in [(0, first), ((1 << 62) - 1, second)] {
        let value = Value::obj(obj);
        assert_eq!(obj.anonymous_id(), Some(id));
        assert_eq!(
            (value.kind(), value.as_obj(), value.referent()),
            (Kind::Anon, None, Some(obj))
        );
        assert_eq!(crate::literal::to_literal(&value), "*anonymous*");
        let mut stored = Vec::new();
        crate::bytes::encode(&value, &mut stored);
        assert_eq!(crate::bytes::decode(&stored), Ok(value));
    }
    assert_ne!(Value::obj(first), Value::obj(second));
    for number in [i64::MIN, first.0, second.0, first.0 + 1, -1, 7, i64::MAX] {
        assert_eq!(Value::obj(Obj::numbered(number)).kind(), Kind::Obj, "{number}");
    }
}

#[test]
fn short_strings_that_differ_in_more_than_case_are_told_apart_as_all_others_are() {
    let texts = [
        "",
        "a",
        "A",
        "@",
        "`",
        "ab",
        "aB",
        "name75",
        "NAME75",
        "name76",
        "[",
        "{",
        "é",
        "É",
        "\u{a0}",
        "abcdefghijklm",
        "abcdefghijklM",
        "abcdefghijkl\u{e9}",
        "abcdefghijkl\u{c9}",
        "\u{420}",
        "\u{440}",
        "0123456789abcdefgh",
        "0123456789ABCDEFGH",
    ];
    for a in texts {
        for b in texts {
            let expected = crate::text::equal_folded(a, b);
            assert_eq!(Value::str(a) == Value::str(b), expected, "{a:?} {b:?}");
            assert_eq!(
                Value::str(a).position_in(&[Value::int(0), Value::str(b)]),
                expected.then_some(1)
            );
        }
    }
    assert_eq!(
        Value::int(1).position_in(&[Value::float(1.0), Value::obj(Obj(1)), Value::int(1)]),
        Some(2)
    );
    assert_eq!(Value::float(0.0).position_in(&[Value::float(-0.0)]), Some(0));
    let nested = Value::list(vec![Value::str("A")]);
    assert_eq!(Value::list(vec![Value::str("a")]).position_in(&[nested]), Some(0));
}

#[test]
fn a_shared_map_is_not_edited_in_place() {
    for size in [3, 1000] {
        let mut a = Value::map((0..size).map(|i| (Value::int(i), Value::int(i))).collect());
        let b = a.clone();
        assert!(a.map_mut().is_none());
        let edited = a.map_make_mut().expect("it is a map");
        edited.insert(Value::int(0), Value::str("new"));
        assert!(edited.remove(&Value::int(1)) && !edited.remove(&Value::int(-1)));
        assert!(a.map_mut().is_some());
        let get = |map: &Value, key| map.as_map().and_then(|m| m.get(&Value::int(key)).cloned());
        assert_eq!(
            (get(&b, 0), get(&b, 1)),
            (Some(Value::int(0)), Some(Value::int(1)))
        );
        assert_eq!((get(&a, 0), get(&a, 1)), (Some(Value::str("new")), None));
    }
}

#[test]
fn maps_that_grow_and_shrink_keep_their_entries_in_order() {
    let mut rng = Rng(0x2545_F491_4F6C_DD1D);
    let mut map = Map::new();
    let mut model = std::collections::BTreeMap::new();
    for turn in 0..20_000 {
        let key = rng.below(400) as i64;
        // Two thirds insertions, then two thirds removals, and so on.
        if (rng.below(3) == 0) == (turn / 2_000 % 2 == 1) {
            map.insert(Value::int(key), Value::int(turn));
            model.insert(key, turn);
        } else {
            assert_eq!(map.remove(&Value::int(key)), model.remove(&key).is_some());
        }
        assert_eq!(map.len(), model.len());
        if turn % 50 == 0 {
            let entries: Vec<_> = map.iter().map(|(k, v)| (k.as_int(), v.as_int())).collect();
            let expected: Vec<_> = model.iter().map(|(k, v)| (Some(*k), Some(*v))).collect();
            assert_eq!(entries, expected);
            let key_of = |entry: Option<(&Value, &Value)>| entry.and_then(|(key, _)| key.as_int());
            assert_eq!(key_of(map.first()), model.keys().next().copied());
            assert_eq!(key_of(map.last()), model.keys().next_back().copied());
        }
    }
}

#[test]
fn keys_are_ordered_by_kind_and_then_by_value() {
    let keys = [
        Value::int(i64::MIN),
        Value::int(4_294_967_296),
        Value::obj(Obj(-1)),
        Value::err(ErrorCode::Perm),
        Value::float(-1.5),
        Value::float(1.0),
        Value::str(""),
        Value::str("Key"),
        Value::str("zoé"),
        Value::str("zoéx"),
    ];
    let map: Map = keys
        .iter()
        .rev()
        .map(|key| (key.clone(), Value::int(0)))
        .collect();
    let found: Vec<_> = map.iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(found, keys);
    assert!(map.get(&Value::str("ZOÉ")).is_some() && map.get(&Value::int(1)).is_none());
    let ordered = |keys: &[Value]| {
        let parts = keys.iter().flat_map(|key| [key.clone(), Value::int(0)]);
        Map::of_ordered(parts.collect())
    };
    assert_eq!(ordered(&keys).map(|map| map.len()), Some(keys.len()));
    for wrong in [
        [Value::int(2), Value::int(1)],
        [Value::str("a"), Value::str("A")],
        [Value::int(1), Value::empty_list()],
    ] {
        assert!(ordered(&wrong).is_none(), "{wrong:?}");
    }
}

#[test]
fn the_last_of_equal_keys_counts_with_its_spelling() {
    let map: Map = [("a", 1), ("A", 2)]
        .map(|(key, value)| (Value::str(key), Value::int(value)))
        .into_iter()
        .collect();
    assert_eq!(format!("{:?}", Value::map(map)), "[\"A\" -> 2]");
}

#[test]
fn maps_are_equal_by_their_entries_and_the_same_only_with_their_spelling() {
    let map = |key: &str, value: &str| {
        Value::list(vec![Value::map(
            [(Value::str(key), Value::str(value))].into_iter().collect(),
        )])
    };
    assert_eq!(map("Key", "x"), map("kEY", "X"));
    assert_ne!(map("Key", "x"), map("Key", "y"));
    assert!(!map("Key", "x").identical(&map("key", "x")));
    assert!(map("Key", "x").identical(&map("Key", "x")));
    assert_ne!(Value::map(Map::new()), Value::empty_list());
}

#[test]
fn anonymous_objects_are_found_in_lists_and_in_keys_and_values_of_maps() {
    let [a, b, c] = [1, 2, 3].map(Obj::anonymous);
    let map: Map = [(Value::obj(a), Value::list(vec![Value::obj(b)]))]
        .into_iter()
        .collect();
    let value = Value::list(vec![Value::int(1), Value::map(map), Value::obj(c)]);
    let mut found = Vec::new();
    value.each_anonymous(|obj| found.push(obj));
    assert_eq!(found, [a, b, c]);
    Value::obj(a).each_anonymous(|obj| found.push(obj));
    assert_eq!(found.len(), 4);
}

#[test]
fn values_that_are_unset_together_let_go_of_what_they_hold() {
    for count in 0..10 {
        for holder in 0..count {
            let mut list = Value::list(vec![Value::int(1)]);
            let mut values = vec![Value::str("short"); count];
            values[holder] = list.clone();
            assert!(list.list_mut().is_none(), "two hold it");
            Value::unset_all(&mut values);
            assert!(list.list_mut().is_some(), "{holder} of {count}");
            assert!(values.iter().all(Value::is_unset), "{count}");
        }
    }
}
