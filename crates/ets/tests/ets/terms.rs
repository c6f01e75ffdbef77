//! Terms: the vectors shared with TypeScript, the laws of the order, and bytes that are no terms.

use std::cmp::Ordering;

use crate::support::{array, big, float, int, terms, text};
use proptest::prelude::*;
use viga_ets::term::{
    Form, MAX_DEPTH, TermFault, add_numbers, compare, equal, hash, order_prefix, skip, validate,
};

/// Name and bytes of each vector in a section of the shared file.
fn vectors(section: &str) -> Vec<(String, Vec<u8>)> {
    let file = include_str!("../../../../ts/test/term/vectors.json");
    let start = file
        .find(&format!("\"{section}\": ["))
        .expect("the section is there");
    let body = &file[start..];
    let body = &body[..body.find(']').expect("the section ends")];
    let field = |line: &str, name: &str| {
        let rest = line.trim().strip_prefix(&format!("\"{name}\": \""))?;
        Some(rest.trim_end_matches(',').trim_end_matches('"').to_owned())
    };
    let mut found = Vec::new();
    let mut name = String::new();
    for line in body.lines() {
        if let Some(text) = field(line, "name") {
            name = text;
        } else if let Some(hex) = field(line, "bytes") {
            let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
            found.push((name.clone(), (0..hex.len()).step_by(2).map(byte).collect()));
        }
    }
    found
}

#[test]
fn vectors_are_terms() {
    let all = vectors("encoded");
    assert!(all.len() > 50);
    for (name, bytes) in all {
        assert_eq!(validate(&bytes, 0, Form::Any), Ok(bytes.len()), "{name}");
        assert_eq!(skip(&bytes, 0), bytes.len(), "{name}");
    }
}

#[test]
fn vectors_ascend() {
    let all = vectors("ascending");
    assert!(all.len() > 50);
    for (at, (name, bytes)) in all.iter().enumerate() {
        assert_eq!(validate(bytes, 0, Form::Key), Ok(bytes.len()), "{name}");
        for (later, (other_name, other)) in all.iter().enumerate() {
            assert_eq!(
                compare(bytes, other),
                at.cmp(&later),
                "{name}, {other_name}"
            );
            if at < later {
                assert!(
                    order_prefix(bytes) <= order_prefix(other),
                    "{name}, {other_name}"
                );
            }
        }
    }
}

#[test]
fn numbers_and_bigints_are_compared_exactly() {
    let large = 9_007_199_254_740_992.0; // 2 to the 53rd
    assert_eq!(compare(&float(large), &big(1 << 53)), Ordering::Less);
    assert_eq!(
        compare(&float(large), &big((1 << 53) - 1)),
        Ordering::Greater
    );
    assert_eq!(compare(&float(large), &big((1 << 53) + 1)), Ordering::Less);
    assert_eq!(compare(&float(-1.5), &big(-1)), Ordering::Less);
    assert_eq!(compare(&float(-1.5), &big(-2)), Ordering::Greater);
    assert_eq!(compare(&float(0.5), &big(0)), Ordering::Greater);
    assert_eq!(
        compare(&float(f64::INFINITY), &big(i128::MAX)),
        Ordering::Greater
    );
    assert_eq!(compare(&float(1e39), &big(i128::MAX)), Ordering::Greater);
    assert_eq!(
        compare(&float(f64::from_bits(0x7ff8 << 48)), &big(1)),
        Ordering::Greater
    );
    assert_eq!(compare(&int(-1), &big(-1)), Ordering::Less);
    assert!(equal(&int(0), &float(-0.0)));
}

#[test]
fn deep_terms_are_refused_before_they_exhaust_the_stack() {
    let mut term = int(1);
    for _ in 0..MAX_DEPTH {
        term = array(&[term]);
    }
    assert_eq!(validate(&term, 0, Form::Key), Ok(term.len()));
    assert!(equal(&term, &term));
    assert_eq!(
        validate(&array(&[term]), 0, Form::Any),
        Err(TermFault::Malformed(2 * MAX_DEPTH))
    );
    let endless = [0x0d, 1].repeat(1_000_000);
    assert!(validate(&endless, 0, Form::Any).is_err());
}

#[test]
fn what_is_not_canonical_is_no_key() {
    let set = |elements: &[Vec<u8>]| {
        [
            &[0x11][..],
            &(elements.len() as u32).to_le_bytes(),
            &elements.concat(),
        ]
        .concat()
    };
    let object = |keys: &[&str]| {
        let entries: Vec<u8> = keys
            .iter()
            .flat_map(|key| [&text(key)[..], &[0]].concat())
            .collect();
        [&[0x0f][..], &(keys.len() as u32).to_le_bytes(), &entries].concat()
    };
    for refused in [
        float(-0.0),
        set(&[int(2), int(1)]),
        set(&[int(1), int(1)]),
        object(&["b", "a"]),
    ] {
        assert_eq!(validate(&refused, 0, Form::Any), Ok(refused.len()));
        assert_eq!(
            validate(&refused, 0, Form::Key),
            Err(TermFault::NotCanonical(0))
        );
    }
    for key in [set(&[int(1), int(2)]), object(&["a", "b"])] {
        assert_eq!(validate(&key, 0, Form::Key), Ok(key.len()));
    }
    // Not the shortest tag, superfluous zero bytes, a second NaN: no terms at all.
    for refused in [
        float(1.0),
        vec![8, 1, 0, 0, 0, b'a'],
        vec![9, 1, 0, 0, 0, b'a', 0],
        vec![6, 0, 1, 0, 0, 0, 0],
        vec![6, 1, 0, 0, 0, 0],
        float(f64::from_bits(0x7ff8_0000_0000_0001)),
        vec![0x17],
    ] {
        assert_eq!(
            validate(&refused, 0, Form::Any),
            Err(TermFault::Malformed(0)),
            "{refused:?}"
        );
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        for form in [Form::Any, Form::Key] {
            if let Ok(end) = validate(&bytes, 0, form) {
                prop_assert_eq!(skip(&bytes, 0), end);
                prop_assert!(equal(&bytes, &bytes));
                order_prefix(&bytes);
            }
        }
    }

    #[test]
    fn damaged_terms_never_panic(mut bytes in terms(), at in any::<prop::sample::Index>(), byte in 0..0x20u8, cut in any::<bool>()) {
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        if let Ok(end) = validate(&bytes, 0, Form::Any) {
            prop_assert_eq!(skip(&bytes, 0), end);
            prop_assert!(equal(&bytes, &bytes));
            order_prefix(&bytes);
        }
    }

    #[test]
    fn terms_are_totally_ordered(a in terms(), b in terms(), c in terms()) {
        prop_assert_eq!(validate(&a, 0, Form::Any), Ok(a.len()));
        prop_assert_eq!(skip(&a, 0), a.len());
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        let mut all = [a, b, c];
        all.sort_by(|x, y| compare(x, y));
        prop_assert!(compare(&all[0], &all[2]) != Ordering::Greater);
        prop_assert!(order_prefix(&all[0]) <= order_prefix(&all[1]));
        prop_assert!(order_prefix(&all[1]) <= order_prefix(&all[2]));
    }

    #[test]
    fn sums_are_those_of_128_bit_integers(a in any::<i64>(), b in any::<i64>(), shift in 0..60u32) {
        let (a, b) = (i128::from(a) << shift, i128::from(b));
        let mut sum = Vec::new();
        prop_assert!(add_numbers(&big(a), &big(b), &mut sum));
        prop_assert_eq!(sum, big(a + b));
        prop_assert_eq!(compare(&big(a), &big(b)), a.cmp(&b));
    }

    #[test]
    fn floats_stand_among_bigints_where_their_value_does(a in any::<f64>(), b in any::<i64>()) {
        prop_assume!(f64::from(a as i32) != a && !a.is_nan());
        let expected = if a >= 9.3e18 { Ordering::Greater } else if a <= -9.3e18 { Ordering::Less } else {
            // Exact: the integer part as an integer, the fraction on its own.
            (a.floor() as i128).cmp(&i128::from(b)).then(if a.fract() == 0.0 { Ordering::Less } else { Ordering::Greater })
        };
        prop_assert_eq!(compare(&float(a), &big(i128::from(b))), expected);
    }

    #[test]
    fn hashes_differ_where_bytes_do(a in prop::collection::vec(any::<u8>(), 0..40), b in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert_eq!(a == b, hash(3, &a) == hash(3, &b));
    }
}
