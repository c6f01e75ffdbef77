//! The order of terms (docs/design/term-format.md, "Order").

use std::cmp::Ordering;

use super::{
    Class, Number, element_count, skip, tags,
    text::{Text, atom_name, data},
    u32_at, u64_at,
};

/// Compares the terms both slices begin with. O(size) for canonical terms; objects, maps and sets that are not are
/// sorted on the way.
///
/// ```
/// use std::cmp::Ordering;
/// use viga_ets::term::compare;
/// let (one, text) = ([0x04, 1, 0, 0, 0], [0x07, 1, b'a']);
/// assert_eq!(compare(&one, &text), Ordering::Less);
/// ```
#[inline]
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    if a[0] == tags::INT && b[0] == tags::INT {
        return (u32_at(a, 1) as i32).cmp(&(u32_at(b, 1) as i32));
    }
    compare_any(a, b)
}

/// True when both terms stand at the same place in the order: `0` and `-0` do, `1` and `1n` do not.
#[inline]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    compare(a, b) == Ordering::Equal
}

fn compare_any(a: &[u8], b: &[u8]) -> Ordering {
    let class = Class::of(a[0]);
    class.cmp(&Class::of(b[0])).then_with(|| match class {
        Class::Number => Number::read(a).compare(Number::read(b)),
        Class::Atom => atom_name(a).cmp(&atom_name(b)),
        Class::Ref => words(a)
            .cmp(&words(b))
            .then_with(|| u64_at(a, 9).cmp(&u64_at(b, 9))),
        Class::Pid => words(a).cmp(&words(b)),
        Class::Remote => compare_texts(&a[1..], &b[1..], 2),
        Class::Array => compare_arrays(a, b),
        Class::Object | Class::Map => compare_pairs(a, b),
        Class::Set => compare_sets(a, b),
        Class::Date => compare_dates(a, b),
        Class::Error => compare_errors(a, b),
        Class::String => Text::read(a).compare(Text::read(b)),
        Class::Bytes | Class::Binary => data(a).cmp(data(b)),
    })
}

fn words(bytes: &[u8]) -> (u32, u32) {
    (u32_at(bytes, 1), u32_at(bytes, 5))
}

/// Compares `count` strings that follow each other.
fn compare_texts(a: &[u8], b: &[u8], count: usize) -> Ordering {
    let (mut at_a, mut at_b) = (0, 0);
    for _ in 0..count {
        let order = Text::read(&a[at_a..]).compare(Text::read(&b[at_b..]));
        if order != Ordering::Equal {
            return order;
        }
        (at_a, at_b) = (skip(a, at_a), skip(b, at_b));
    }
    Ordering::Equal
}

fn compare_arrays(a: &[u8], b: &[u8]) -> Ordering {
    let (Some((count_a, mut at_a)), Some((count_b, mut at_b))) =
        (element_count(a), element_count(b))
    else {
        return Ordering::Equal;
    };
    if count_a != count_b {
        return count_a.cmp(&count_b);
    }
    for _ in 0..count_a {
        let order = compare(&a[at_a..], &b[at_b..]);
        if order != Ordering::Equal {
            return order;
        }
        (at_a, at_b) = (skip(a, at_a), skip(b, at_b));
    }
    Ordering::Equal
}

/// The entries of an object or map (key and value) or of a set (twice the element), sorted.
fn sorted_entries(bytes: &[u8], pairs: bool) -> Vec<(&[u8], &[u8])> {
    let mut entries = Vec::new();
    let mut at = 5;
    for _ in 0..u32_at(bytes, 1) {
        let key = at..skip(bytes, at);
        let value = if pairs {
            key.end..skip(bytes, key.end)
        } else {
            key.clone()
        };
        at = value.end;
        entries.push((&bytes[key], &bytes[value]));
    }
    if !entries.is_sorted_by(|a, b| compare(a.0, b.0) != Ordering::Greater) {
        entries.sort_by(|a, b| compare(a.0, b.0));
    }
    entries
}

fn compare_pairs(a: &[u8], b: &[u8]) -> Ordering {
    let counts = u32_at(a, 1).cmp(&u32_at(b, 1));
    if counts != Ordering::Equal {
        return counts;
    }
    let (a, b) = (sorted_entries(a, true), sorted_entries(b, true));
    first_difference(a.iter().zip(&b).map(|(x, y)| compare(x.0, y.0)))
        .then_with(|| first_difference(a.iter().zip(&b).map(|(x, y)| compare(x.1, y.1))))
}

fn compare_sets(a: &[u8], b: &[u8]) -> Ordering {
    let counts = u32_at(a, 1).cmp(&u32_at(b, 1));
    if counts != Ordering::Equal {
        return counts;
    }
    first_difference(
        sorted_entries(a, false)
            .iter()
            .zip(&sorted_entries(b, false))
            .map(|(x, y)| compare(x.0, y.0)),
    )
}

fn first_difference(mut orders: impl Iterator<Item = Ordering>) -> Ordering {
    orders
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

fn compare_dates(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (f64::from_bits(u64_at(a, 1)), f64::from_bits(u64_at(b, 1)));
    // Only an invalid date is NaN, and it stands first.
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn compare_errors(a: &[u8], b: &[u8]) -> Ordering {
    compare_texts(&a[1..], &b[1..], 2).then_with(|| {
        let rest = |bytes: &[u8]| skip(bytes, skip(bytes, 1));
        a[rest(a)..skip(a, 0)].cmp(&b[rest(b)..skip(b, 0)])
    })
}
