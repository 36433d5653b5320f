//! Random programs over values against a model of plain enums, and the edges that a program of luck would miss.

use super::*;

#[derive(Clone, Debug, PartialEq)]
enum Model {
    Int(i64),
    Str(String),
    List(Vec<Model>),
}

impl Model {
    fn value(&self) -> Value {
        match self {
            Model::Int(i) => Value::int(*i),
            Model::Str(s) => Value::str(s),
            Model::List(l) => Value::list(l.iter().map(Model::value).collect()),
        }
    }

    fn agrees(&self, value: &Value) -> bool {
        match (self, value.view()) {
            (Model::Int(a), View::Int(b)) => *a == b,
            (Model::Str(a), View::Str(b)) => a == b.as_str() && b.is_ascii_only() == a.is_ascii(),
            (Model::List(a), View::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.agrees(b))
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
    match rng.below(6) {
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
        _ => 0,
    }
}

#[test]
fn random_programs_agree_with_the_model() {
    let mut rng = Rng(0x9E37_79B9_7F4A_7C15);
    for _ in 0..200 {
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
