//! What survives a power cut by chance, from a seed.

/// How likely it is that what was not synced survives: by the seed, little or most.
const LIKELY: [u64; 3] = [1, 8, 15];
/// Of so many.
const OF: u64 = 16;

/// A generator (SplitMix64); without a seed nothing ever survives.
pub(crate) struct Chance {
    state: Option<u64>,
    likely: u64,
}

impl Chance {
    /// Nothing survives.
    pub(crate) fn none() -> Chance {
        Chance { state: None, likely: 0 }
    }

    /// What survives is up to the seed.
    pub(crate) fn seeded(seed: u64) -> Chance {
        let mut chance = Chance { state: Some(seed), likely: 0 };
        let draw = usize::try_from(chance.next() % LIKELY.len() as u64).expect("a small number");
        chance.likely = LIKELY[draw];
        chance
    }

    /// Whether the next thing survives.
    pub(crate) fn survives(&mut self) -> bool {
        self.state.is_some() && self.next() % OF < self.likely
    }

    fn next(&mut self) -> u64 {
        let state = self.state.unwrap_or_default().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state = self.state.map(|_| state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
