//! The two thresholds of OTP's command line that say how readily a scheduler sleeps and wakes others, with OTP's
//! names: `+sbwt` and `+swt`.

use std::fmt;
use std::time::Duration;

/// How long a scheduler without work looks for some before it parks: OTP's `+sbwt`.
///
/// Being woken costs microseconds or tens of them where looking finds work at once, but looking burns a core that
/// somebody else may want. OTP counts rounds (5,000 for `very_short`, 10,000 for `short` and `medium`, then 20,000 and
/// 40,000), which take ten times as long on one processor as on another, because they differ in what a pause
/// instruction takes. Here each class is a time, twice that of the class before.
///
/// Who spins for as long as a park and a wake-up cost never pays more than twice what the best choice would have been
/// (Karlin, Manasse, McGeoch, Owicki: "Competitive randomized algorithms for nonuniform problems", 1990). What that
/// is on a machine, the benches `hand_over` tell.
///
/// ```
/// use viga_scheduler::BusyWait;
///
/// assert_eq!("very_long".parse(), Ok(BusyWait::VeryLong));
/// assert_eq!(BusyWait::default().budget().as_micros(), 40);
/// let refused = "forever".parse::<BusyWait>().unwrap_err();
/// assert_eq!(
///     refused.to_string(),
///     "busy wait \"forever\" is unknown: one of none, very_short, short, medium, long, very_long is allowed",
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BusyWait {
    /// Parks at once.
    None,
    /// 10 µs.
    VeryShort,
    /// 20 µs.
    Short,
    /// 40 µs.
    #[default]
    Medium,
    /// 80 µs.
    Long,
    /// 160 µs.
    VeryLong,
}

impl BusyWait {
    const NAMES: [(&'static str, BusyWait); 6] = [
        ("none", BusyWait::None),
        ("very_short", BusyWait::VeryShort),
        ("short", BusyWait::Short),
        ("medium", BusyWait::Medium),
        ("long", BusyWait::Long),
        ("very_long", BusyWait::VeryLong),
    ];

    /// How long to spin at most, for [`Spinner::new`](crate::Spinner::new).
    #[must_use]
    pub const fn budget(self) -> Duration {
        Duration::from_micros(match self {
            BusyWait::None => 0,
            BusyWait::VeryShort => 10,
            BusyWait::Short => 20,
            BusyWait::Medium => 40,
            BusyWait::Long => 80,
            BusyWait::VeryLong => 160,
        })
    }
}

/// How much work must wait in a scheduler's queue before it wakes another one to help: OTP's `+swt`.
///
/// OTP adds up waiting processes times the reductions they had to wait, up to a limit for each class. Here it is the
/// number that wait at the moment something is queued or passed over, because a JavaScript slice does not count its
/// reductions as evenly. What stays below the threshold is not forgotten: idle schedulers ask for work themselves
/// ([`WorkRequests`](crate::WorkRequests)), and the balance looks once a period.
///
/// ```
/// use viga_scheduler::WakeThreshold;
///
/// assert_eq!("high".parse(), Ok(WakeThreshold::High));
/// assert_eq!(WakeThreshold::default().waiting(), 4);
/// assert!(WakeThreshold::VeryLow.is_reached(1) && !WakeThreshold::Low.is_reached(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WakeThreshold {
    /// 1 waits: everything that cannot begin at once wakes somebody.
    VeryLow,
    /// 2 wait.
    Low,
    /// 4 wait.
    #[default]
    Medium,
    /// 16 wait.
    High,
    /// 64 wait.
    VeryHigh,
}

impl WakeThreshold {
    const NAMES: [(&'static str, WakeThreshold); 5] = [
        ("very_low", WakeThreshold::VeryLow),
        ("low", WakeThreshold::Low),
        ("medium", WakeThreshold::Medium),
        ("high", WakeThreshold::High),
        ("very_high", WakeThreshold::VeryHigh),
    ];

    /// How many must wait.
    #[must_use]
    pub const fn waiting(self) -> u32 {
        match self {
            WakeThreshold::VeryLow => 1,
            WakeThreshold::Low => 2,
            WakeThreshold::Medium => 4,
            WakeThreshold::High => 16,
            WakeThreshold::VeryHigh => 64,
        }
    }

    /// Whether a queue with this many waiting wakes another scheduler.
    #[must_use]
    pub const fn is_reached(self, waiting: u32) -> bool {
        waiting >= self.waiting()
    }
}

/// A text that names no class of [`BusyWait`] or [`WakeThreshold`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownThreshold {
    what: &'static str,
    given: String,
    allowed: String,
}

impl UnknownThreshold {
    /// The name of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "unknown_threshold"
    }
}

impl fmt::Display for UnknownThreshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {:?} is unknown: one of {} is allowed",
            self.what, self.given, self.allowed
        )
    }
}

impl std::error::Error for UnknownThreshold {}

fn find<T: Copy>(
    what: &'static str,
    names: &[(&str, T)],
    given: &str,
) -> Result<T, UnknownThreshold> {
    names
        .iter()
        .find(|(name, _)| *name == given)
        .map(|(_, class)| *class)
        .ok_or_else(|| UnknownThreshold {
            what,
            given: given.to_owned(),
            allowed: names
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", "),
        })
}

impl std::str::FromStr for BusyWait {
    type Err = UnknownThreshold;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        find("busy wait", &BusyWait::NAMES, text)
    }
}

impl std::str::FromStr for WakeThreshold {
    type Err = UnknownThreshold;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        find("wake threshold", &WakeThreshold::NAMES, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_found_by_its_name_and_above_the_one_before() {
        for (name, class) in BusyWait::NAMES {
            assert_eq!(name.parse(), Ok(class));
        }
        for (name, class) in WakeThreshold::NAMES {
            assert_eq!(name.parse(), Ok(class));
        }
        assert!(
            BusyWait::NAMES
                .windows(2)
                .all(|pair| pair[0].1.budget() < pair[1].1.budget())
        );
        assert!(
            WakeThreshold::NAMES
                .windows(2)
                .all(|pair| pair[0].1.waiting() < pair[1].1.waiting())
        );
    }

    #[test]
    fn an_unknown_class_says_what_is_allowed() {
        let refused = "hgih".parse::<WakeThreshold>().unwrap_err();
        assert_eq!(refused.code(), "unknown_threshold");
        assert!(
            refused
                .to_string()
                .contains("\"hgih\" is unknown: one of very_low, low")
        );
    }
}
