//! Descriptors as references have them: 256 hexadecimal digits each.

use serde_json::Value;

pub fn descriptors(list: &Value) -> Vec<[u8; 128]> {
    let list = list.as_array().unwrap().iter();
    let byte =
        |digits: &str, at: usize| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    list.map(|digits| {
        let digits = digits.as_str().unwrap();
        std::array::from_fn(|at| byte(digits, at))
    })
    .collect()
}
