// SPDX-License-Identifier: GPL-2.0

//! Numbers that nobody has foreseen, of a seed that is said: `FERRIO_SEED` takes it again.

use std::{
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

/// The seed of this run, said at its first use.
fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        let given = std::env::var("FERRIO_SEED").ok();
        let seed = given.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
            let time = SystemTime::now().duration_since(UNIX_EPOCH);
            time.expect("a clock").subsec_nanos().into()
        });
        println!("# FERRIO_SEED={seed}");
        seed
    })
}

/// A sequence of numbers: xorshift64*.
pub struct Random(u64);

impl Random {
    /// One of its own for each `stream`.
    pub fn new(stream: u64) -> Self {
        let mut random = Random((seed() ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15)) | 1);
        // A small seed shows in the first ones.
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % end
    }

    /// From 1 on, seldom more than a few hundred, and now and then up to `most`.
    pub fn size(&mut self, most: usize) -> usize {
        let most = match self.below(8) {
            0 => most,
            1..=3 => most.min(600),
            _ => most.min(40),
        };
        1 + self.below(most)
    }
}
