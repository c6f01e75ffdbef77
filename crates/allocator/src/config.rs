//! Tunables with OTP's defaults. A [`Config`] that exists is valid: every change is checked when it is made.

use crate::block::MIN_BLOCK_SIZE;
use crate::front_cache::LARGEST_CACHED_BLOCK;
use crate::policy::Strategy;
use crate::{AllocKind, ConfigError};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Sizes a carrier may be configured to, in bytes.
const CARRIER_SIZES: std::ops::RangeInclusive<usize> = 16 * KIB..=1024 * MIB;

/// OTP keeps at most 30 segments (`+MMmcs`).
const MOST_CACHED_SEGMENTS: usize = 30;

/// The tunables of one kind.
///
/// ```
/// use viga_allocator::Tunables;
/// assert_eq!(Tunables::default().single_block_threshold, 512 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunables {
    /// Which free block a request gets (`+M<S>as`).
    pub strategy: Strategy,
    /// Blocks of at least this many bytes get a carrier of their own (`+M<S>sbct`).
    pub single_block_threshold: usize,
    /// Size in bytes of the first multiblock carrier (`+M<S>smbcs`).
    pub smallest_carrier: usize,
    /// Size in bytes that multiblock carriers grow to (`+M<S>lmbcs`).
    pub largest_carrier: usize,
    /// Carriers it takes to grow from smallest to largest (`+M<S>mbcgs`).
    pub growth_stages: usize,
    /// A single-block carrier shrinks only when more than this share of it, in percent, would be unused
    /// (`+M<S>rsbcst`).
    pub single_block_shrink_percent: usize,
    /// Bytes of freed blocks that the front cache keeps per size class, at most; 0 turns the cache off. There are
    /// 62 classes, for blocks of 48 to 1,024 bytes, so 16 KiB (the default) means 1 MiB at the very most.
    pub front_cache_bytes: usize,
}

impl Default for Tunables {
    fn default() -> Self {
        Tunables {
            strategy: Strategy::AddressOrderFirstFitCarrierBestFit,
            single_block_threshold: 512 * KIB,
            smallest_carrier: 256 * KIB,
            largest_carrier: 5 * MIB,
            growth_stages: 10,
            single_block_shrink_percent: 20,
            front_cache_bytes: 16 * KIB,
        }
    }
}

impl Tunables {
    fn check(&self, kind: AllocKind) -> Result<(), ConfigError> {
        let within = |tunable, given: usize, least: usize, most: usize| {
            if (least..=most).contains(&given) {
                return Ok(());
            }
            Err(ConfigError {
                kind: Some(kind),
                tunable,
                given: given.to_string(),
                allowed: format!("{least} to {most}"),
            })
        };
        let (least, most) = (*CARRIER_SIZES.start(), *CARRIER_SIZES.end());
        within(
            "single_block_threshold",
            self.single_block_threshold,
            MIN_BLOCK_SIZE,
            most,
        )?;
        within("smallest_carrier", self.smallest_carrier, least, most)?;
        within(
            "largest_carrier",
            self.largest_carrier,
            self.smallest_carrier,
            most,
        )?;
        within("growth_stages", self.growth_stages, 1, 1000)?;
        within(
            "single_block_shrink_percent",
            self.single_block_shrink_percent,
            0,
            100,
        )?;
        within(
            "front_cache_bytes",
            self.front_cache_bytes,
            0,
            1024 * LARGEST_CACHED_BLOCK,
        )
    }
}

/// The tunables of one scheduler's allocator. Valid by construction.
///
/// ```
/// use viga_allocator::{AllocKind, Config, Tunables};
/// let small = Tunables { single_block_threshold: 64 * 1024, ..Tunables::default() };
/// let config = Config::default().with(AllocKind::Binary, small)?.with_cached_segments(4)?;
/// assert_eq!(config.of(AllocKind::Binary).single_block_threshold, 65536);
///
/// let wrong = Tunables { growth_stages: 0, ..Tunables::default() };
/// let error = Config::default().with(AllocKind::Ets, wrong).unwrap_err();
/// assert_eq!(error.code(), "VIGA_ALLOC_BAD_CONFIG");
/// assert_eq!(
///     error.to_string(),
///     "VIGA_ALLOC_BAD_CONFIG: growth_stages of ets_alloc is 0, allowed is 1 to 1000"
/// );
/// # Ok::<(), viga_allocator::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    kinds: [Tunables; AllocKind::ALL.len()],
    cached_segments: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            kinds: [Tunables::default(); AllocKind::ALL.len()],
            cached_segments: 10,
        }
    }
}

impl Config {
    /// Replaces the tunables of one kind.
    ///
    /// # Errors
    /// The first tunable that is out of range.
    pub fn with(mut self, kind: AllocKind, tunables: Tunables) -> Result<Config, ConfigError> {
        tunables.check(kind)?;
        self.kinds[kind as usize] = tunables;
        Ok(self)
    }

    /// Replaces the tunables of every kind (`+MB...` style flags given for all).
    ///
    /// # Errors
    /// The first tunable that is out of range.
    pub fn with_all(self, tunables: Tunables) -> Result<Config, ConfigError> {
        AllocKind::ALL
            .into_iter()
            .try_fold(self, |config, kind| config.with(kind, tunables))
    }

    /// Sets how many freed segments are kept for the next carrier (`+MMmcs`), 0 to 30.
    ///
    /// # Errors
    /// More than 30.
    pub fn with_cached_segments(mut self, count: usize) -> Result<Config, ConfigError> {
        if count > MOST_CACHED_SEGMENTS {
            return Err(ConfigError {
                kind: None,
                tunable: "cached_segments",
                given: count.to_string(),
                allowed: format!("0 to {MOST_CACHED_SEGMENTS}"),
            });
        }
        self.cached_segments = count;
        Ok(self)
    }

    /// The tunables of one kind.
    pub fn of(&self, kind: AllocKind) -> &Tunables {
        &self.kinds[kind as usize]
    }

    /// How many freed segments are kept.
    pub fn cached_segments(&self) -> usize {
        self.cached_segments
    }
}
