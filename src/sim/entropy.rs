//! Chance: uids, name suffixes and jitter from one seed.

use std::fmt::Write;

use parking_lot::Mutex;

/// A source of chance. Two with the same seed give the same draws in the same order.
#[derive(Debug)]
pub struct Entropy {
    state: Mutex<u64>,
}

/// The letters of a generated suffix: no vowels, no digits that read like letters.
///
/// *Upstream:* `apimachinery/pkg/util/rand/rand.go`.
const SUFFIX_LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

impl Entropy {
    /// A source that draws the same every time.
    pub fn seeded(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }

    /// The next 64 bits (`SplitMix64`).
    pub fn next(&self) -> u64 {
        let mut state = self.state.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// A random (version 4) UUID.
    pub fn uid(&self) -> String {
        let (high, low) = (self.next(), self.next());
        let mut out = String::with_capacity(36);
        let high = (high & !0xf000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        let written = write!(
            out,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        debug_assert!(written.is_ok(), "writing to a String cannot fail");
        out
    }

    /// The suffix of a generated name: `length` letters.
    pub fn suffix(&self, length: usize) -> String {
        (0..length)
            .map(|_| char::from(SUFFIX_LETTERS[self.below(27) as usize]))
            .collect()
    }
}
