//! The token in every form: bound to the session, or to a cookie of its own before there is one.
//!
//! It is an HMAC over what it is bound to, masked anew for each answer, so that a compressed page gives nothing away.
//! Together with the `Sec-Fetch-Site` and `Origin` check in `web::front` it satisfies NIST SP 800-63B-4, 5.1.

use subtle::ConstantTimeEq;

use super::key::{InstanceKey, hex};

const SIZE: usize = 16;

/// A token for a form that is bound to `binding`.
pub fn token(key: &InstanceKey, binding: &str) -> String {
    let mask = crate::ids::random::<SIZE>();
    let mut bytes = [0; SIZE * 2];
    bytes[..SIZE].copy_from_slice(&mask);
    for (place, byte) in mac(key, binding).iter().enumerate() {
        bytes[SIZE + place] = byte ^ mask[place];
    }
    hex(&bytes)
}

/// Whether a posted token is bound to `binding`.
pub fn holds(key: &InstanceKey, binding: &str, posted: &str) -> bool {
    let digits = posted.as_bytes();
    if digits.len() != SIZE * 4 {
        return false;
    }
    let mut bytes = [0; SIZE * 2];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        match std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(read) => *byte = read,
            None => return false,
        }
    }
    let (mask, masked) = bytes.split_at_mut(SIZE);
    for (byte, mask) in masked.iter_mut().zip(mask.iter()) {
        *byte ^= mask;
    }
    masked.ct_eq(&mac(key, binding)).into()
}

fn mac(key: &InstanceKey, binding: &str) -> [u8; SIZE] {
    let whole = key.sign("csrf", &[binding.as_bytes()]);
    let mut half = [0; SIZE];
    half.copy_from_slice(&whole[..SIZE]);
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers: AC-095
    #[test]
    fn holds_for_its_own_binding_alone() {
        let file = std::env::temp_dir().join(format!("keystead-csrf-{}", crate::ids::ulid()));
        let key = InstanceKey::load_or_make(&file).unwrap();
        let (one, again) = (token(&key, "session a"), token(&key, "session a"));
        assert_ne!(one, again, "each answer masks anew");
        assert!(holds(&key, "session a", &one) && holds(&key, "session a", &again));
        assert!(!holds(&key, "session b", &one));
        for odd in ["", "00", &one[2..], &"é".repeat(32), &"zz".repeat(32), &"0".repeat(64)] {
            assert!(!holds(&key, "session a", odd), "{odd:?}");
        }
        std::fs::remove_file(file).unwrap();
    }
}
