//! Integers as varints (7 bits a byte, low first), signed ones zigzag; the cursor that reads them.

/// Appends `value`.
pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed `value`, small in either direction being short.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// What is left to be read of a body. Every method answers `None` when the bytes run out or lie.
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next unsigned integer.
    pub(crate) fn take(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if bits.checked_shl(shift).map(|b| b >> shift) != Some(bits) {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The next unsigned integer, if it fits 32 bits.
    pub(crate) fn take_u32(&mut self) -> Option<u32> {
        u32::try_from(self.take()?).ok()
    }

    /// The next signed integer.
    pub(crate) fn take_signed(&mut self) -> Option<i64> {
        let value = self.take()?;
        Some(((value >> 1) as i64) ^ -((value & 1) as i64))
    }

    /// The next `N` bytes as they are.
    pub(crate) fn bytes<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(head)
    }

    /// Whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn integers_come_back(unsigned: u64, signed: i64) {
            let mut out = Vec::new();
            put(&mut out, unsigned);
            put_signed(&mut out, signed);
            let mut cursor = Cursor(&out);
            prop_assert_eq!(cursor.take(), Some(unsigned));
            prop_assert_eq!(cursor.take_signed(), Some(signed));
            prop_assert!(cursor.is_empty());
        }

        #[test]
        fn any_bytes_are_an_integer_or_nothing(bytes: Vec<u8>) {
            let mut cursor = Cursor(&bytes);
            while cursor.take().is_some() {}
        }
    }

    #[test]
    fn extremes_have_their_known_form() {
        let check = |value: i64, expected: &[u8]| {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(out, expected, "{value}");
        };
        check(0, &[0]);
        check(-1, &[1]);
        check(1, &[2]);
        check(64, &[0x80, 1]);
        check(i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(Cursor(&[0xff; 10]).take(), None, "more than 64 bits");
    }
}
