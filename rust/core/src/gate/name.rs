//! The label values of a row, kept without an allocation where they are short: most are a user's or a team's.

/// Bytes that are kept in place.
const SHORT: usize = 22;

/// The values part of a scope's key: all of it but the rule.
#[derive(Debug, Clone)]
pub enum Name {
    /// So many bytes of an array.
    Short(u8, [u8; SHORT]),
    /// More than that.
    Long(Box<[u8]>),
}

impl Name {
    /// Keeps a copy.
    pub fn new(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(count)) => {
                place.copy_from_slice(bytes);
                Self::Short(count, short)
            }
            _ => Self::Long(bytes.into()),
        }
    }

    /// What was kept.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(count, short) => short.get(..usize::from(*count)).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_read_back_and_are_as_small_as_a_pointer_and_a_word_more() {
        for count in (0..60).chain([255, 256, 257, 16_000]) {
            let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(count).collect();
            assert_eq!(Name::new(&bytes).bytes(), bytes);
        }
        assert_eq!(size_of::<Name>(), 24);
    }
}
