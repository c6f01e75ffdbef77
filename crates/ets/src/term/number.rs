//! Numbers and bigints: their common order, and the sums `update_counter` needs.

use std::cmp::Ordering;

use super::{tags, u32_at, u64_at};

/// A number or bigint, borrowed from its encoding.
#[derive(Clone, Copy, Debug)]
pub enum Number<'a> {
    /// A JavaScript number.
    Float(f64),
    /// A bigint: negative, and its magnitude in little-endian bytes without leading zero bytes.
    Big(bool, &'a [u8]),
}

impl<'a> Number<'a> {
    /// Reads the number the bytes begin with.
    ///
    /// # Panics
    /// If the term is no number.
    pub fn read(bytes: &'a [u8]) -> Number<'a> {
        Number::try_read(bytes).unwrap_or_else(|| panic!("tag {:#04x} is not a number's", bytes[0]))
    }

    /// Reads the number the bytes begin with; `None` when the term is something else.
    pub fn try_read(bytes: &'a [u8]) -> Option<Number<'a>> {
        match bytes[0] {
            tags::INT => Some(Number::Float(f64::from(u32_at(bytes, 1) as i32))),
            tags::FLOAT => Some(Number::Float(f64::from_bits(u64_at(bytes, 1)))),
            tags::BIGINT => Some(Number::Big(
                bytes[1] == 1,
                &bytes[6..6 + u32_at(bytes, 2) as usize],
            )),
            _ => None,
        }
    }

    /// By value; NaN after everything, a bigint after the number it equals.
    pub fn compare(self, other: Number<'_>) -> Ordering {
        match (self, other) {
            (Number::Float(a), Number::Float(b)) => a
                .partial_cmp(&b)
                .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan())),
            (Number::Float(a), Number::Big(negative, b)) => compare_float_to_big(a, negative, b),
            (Number::Big(negative, a), Number::Float(b)) => {
                compare_float_to_big(b, negative, a).reverse()
            }
            (Number::Big(a_negative, a), Number::Big(b_negative, b)) => {
                match (a_negative, b_negative) {
                    (false, false) => compare_magnitudes(a, b),
                    (true, true) => compare_magnitudes(b, a),
                    _ => b_negative.cmp(&a_negative),
                }
            }
        }
    }

    /// True when the value is below zero.
    pub fn is_negative(self) -> bool {
        match self {
            Number::Float(value) => value < 0.0,
            Number::Big(negative, _) => negative,
        }
    }

    /// The number itself, or the bigint cut to a float's precision (towards zero, beyond its range infinite).
    pub(super) fn toward_zero(self) -> f64 {
        match self {
            Number::Float(value) => value,
            Number::Big(negative, magnitude) => {
                let (bits, top, _) = leading_bits(magnitude);
                let value = match bits {
                    0 => 0.0,
                    1..=1024 => f64::from_bits((bits as u64 + 1022) << 52 | (top << 1) >> 12),
                    _ => f64::INFINITY,
                };
                if negative { -value } else { value }
            }
        }
    }
}

/// Number of significant bits, the upper 64 of them (shifted to the left), and whether any bit below is set.
fn leading_bits(magnitude: &[u8]) -> (usize, u64, bool) {
    let Some(&last) = magnitude.last() else {
        return (0, 0, false);
    };
    let zeros = last.leading_zeros();
    let bits = magnitude.len() * 8 - zeros as usize;
    let mut top: u128 = 0;
    for (index, byte) in magnitude.iter().rev().take(9).enumerate() {
        top |= u128::from(*byte) << (120 - 8 * index);
    }
    let top = top << zeros;
    let rest = top as u64 != 0 || magnitude.iter().rev().skip(9).any(|byte| *byte != 0);
    (bits, (top >> 64) as u64, rest)
}

fn compare_float_to_big(float: f64, negative: bool, magnitude: &[u8]) -> Ordering {
    if float.is_nan() {
        return Ordering::Greater;
    }
    let by_value = match (float < 0.0, negative) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare_float_to_magnitude(float, magnitude),
        (true, true) => compare_float_to_magnitude(-float, magnitude).reverse(),
    };
    by_value.then(Ordering::Less)
}

/// `float >= 0`. Exact: both are brought to the form 1.xxx times a power of two.
fn compare_float_to_magnitude(float: f64, magnitude: &[u8]) -> Ordering {
    if magnitude.is_empty() {
        return if float > 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        };
    }
    if float < 1.0 {
        return Ordering::Less;
    }
    if float.is_infinite() {
        return Ordering::Greater;
    }
    let (bits, top, rest) = leading_bits(magnitude);
    let pattern = float.to_bits();
    let exponent = (pattern >> 52) as usize - 1023;
    let mantissa = 1 << 63 | (pattern << 12) >> 1;
    (exponent + 1)
        .cmp(&bits)
        .then_with(|| mantissa.cmp(&top))
        .then(if rest {
            Ordering::Less
        } else {
            Ordering::Equal
        })
}

fn compare_magnitudes(a: &[u8], b: &[u8]) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

/// Appends the encoded sum of two encoded numbers. False, and nothing appended, when one is no number or only one is a
/// bigint. O(bytes of the larger).
///
/// ```
/// use viga_ets::term::add_numbers;
/// let mut sum = Vec::new();
/// assert!(add_numbers(&[0x04, 1, 0, 0, 0], &[0x04, 2, 0, 0, 0], &mut sum));
/// assert_eq!(sum, [0x04, 3, 0, 0, 0]);
/// assert!(!add_numbers(&[0x04, 1, 0, 0, 0], &[0x06, 0, 1, 0, 0, 0, 1], &mut sum));
/// ```
pub fn add_numbers(a: &[u8], b: &[u8], sum: &mut Vec<u8>) -> bool {
    match (Number::try_read(a), Number::try_read(b)) {
        (Some(Number::Float(a)), Some(Number::Float(b))) => write_float(a + b, sum),
        (Some(Number::Big(a_negative, a)), Some(Number::Big(b_negative, b))) => {
            write_big_sum(a_negative, a, b_negative, b, sum);
        }
        _ => return false,
    }
    true
}

fn write_float(value: f64, out: &mut Vec<u8>) {
    let integer = value as i32;
    if f64::from(integer) == value && !(integer == 0 && value.is_sign_negative()) {
        out.push(tags::INT);
        out.extend_from_slice(&integer.to_le_bytes());
    } else {
        let value = if value.is_nan() {
            f64::from_bits(0x7ff8_0000_0000_0000)
        } else {
            value
        };
        out.push(tags::FLOAT);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

fn write_big_sum(a_negative: bool, a: &[u8], b_negative: bool, b: &[u8], out: &mut Vec<u8>) {
    let (negative, mut magnitude) = if a_negative == b_negative {
        (a_negative, sum_of_magnitudes(a, b))
    } else if compare_magnitudes(a, b) == Ordering::Less {
        (b_negative, difference_of_magnitudes(b, a))
    } else {
        (a_negative, difference_of_magnitudes(a, b))
    };
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    out.push(tags::BIGINT);
    out.push(u8::from(negative && !magnitude.is_empty()));
    out.extend_from_slice(&(magnitude.len() as u32).to_le_bytes());
    out.extend_from_slice(&magnitude);
}

fn sum_of_magnitudes(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = 0u16;
    let digit =
        |magnitude: &[u8], index: usize| u16::from(magnitude.get(index).copied().unwrap_or(0));
    (0..=a.len().max(b.len()))
        .map(|index| {
            let sum = digit(a, index) + digit(b, index) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect()
}

/// `larger >= smaller`.
fn difference_of_magnitudes(larger: &[u8], smaller: &[u8]) -> Vec<u8> {
    let mut borrow = 0i16;
    larger
        .iter()
        .enumerate()
        .map(|(index, digit)| {
            let difference =
                i16::from(*digit) - i16::from(smaller.get(index).copied().unwrap_or(0)) - borrow;
            borrow = i16::from(difference < 0);
            difference as u8
        })
        .collect()
}
