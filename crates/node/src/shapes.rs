//! Shapes of records: lists of property names that messages between isolates name by number instead of repeating them.
//! Process-wide, each defined once and for good, and so many at most that they never amount to much memory.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{LazyLock, PoisonError, RwLock};

use napi_sys::{napi_callback_info, napi_env, napi_value};

use crate::ffi::{self, Outcome};

const MOST_SHAPES: usize = 16 * 1024;
const LONGEST_KEYS: usize = 4 * 1024;

#[derive(Default)]
struct Shapes {
    numbers: HashMap<String, usize>,
    /// The shape with number n is at n - 1.
    keys: Vec<String>,
}

static SHAPES: LazyLock<RwLock<Shapes>> = LazyLock::new(RwLock::default);

/// Adds the functions to the addon's exports.
pub fn register(env: napi_env, exports: napi_value) -> Outcome<()> {
    let nothing: *mut c_void = ptr::null_mut();
    ffi::define(env, exports, "defineShape", Some(define_shape), nothing)?;
    ffi::define(env, exports, "shapeKeys", Some(shape_keys), nothing)
}

impl Shapes {
    /// The number of a shape, from 1 on; 0 when there are too many or its names are too long.
    fn define(&mut self, keys: String) -> usize {
        if let Some(number) = self.numbers.get(&keys) {
            return *number;
        }
        if self.keys.len() == MOST_SHAPES || keys.len() > LONGEST_KEYS {
            return 0;
        }
        self.keys.push(keys.clone());
        self.numbers.insert(keys, self.keys.len());
        self.keys.len()
    }

    fn keys(&self, number: usize) -> Option<&str> {
        self.keys.get(number.checked_sub(1)?).map(String::as_str)
    }
}

/// `defineShape(keys: string): number`: the names as a JSON array, which keeps names that are no Unicode apart.
unsafe extern "C" fn define_shape(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (_, [keys, _]) = ffi::callback_arguments(env, info)?;
        let keys = ffi::string(env, keys)?;
        let mut shapes = SHAPES.write().unwrap_or_else(PoisonError::into_inner);
        ffi::number(env, shapes.define(keys) as f64)
    })
    .unwrap_or(ptr::null_mut())
}

/// `shapeKeys(number): string`: the same names; an empty string when there is no such shape.
unsafe extern "C" fn shape_keys(env: napi_env, info: napi_callback_info) -> napi_value {
    ffi::guarded(env, || {
        let (_, [number, _]) = ffi::callback_arguments(env, info)?;
        let number = ffi::string(env, number)?.parse().unwrap_or(0);
        let shapes = SHAPES.read().unwrap_or_else(PoisonError::into_inner);
        ffi::text(env, shapes.keys(number).unwrap_or(""))
    })
    .unwrap_or(ptr::null_mut())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_keeps_its_number_and_its_names() {
        let mut shapes = Shapes::default();
        assert_eq!(shapes.define("[\"a\"]".into()), 1);
        assert_eq!(shapes.define("[\"a\",\"b\"]".into()), 2);
        assert_eq!(shapes.define("[\"a\"]".into()), 1);
        assert_eq!(shapes.keys(2), Some("[\"a\",\"b\"]"));
        assert_eq!((shapes.keys(0), shapes.keys(3)), (None, None));
    }

    #[test]
    fn there_is_an_end_to_them() {
        let mut shapes = Shapes::default();
        assert_eq!(shapes.define("x".repeat(LONGEST_KEYS + 1)), 0);
        for number in 1..=MOST_SHAPES {
            assert_eq!(shapes.define(format!("[\"{number}\"]")), number);
        }
        assert_eq!(shapes.define("[]".into()), 0);
        assert_eq!(shapes.define("[\"1\"]".into()), 1);
    }
}
