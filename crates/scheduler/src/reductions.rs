//! Reductions: the unit in which a slice is paid for. One reduction is about one function call.

/// What one slice may spend: BEAM's `CONTEXT_REDS`.
pub const CONTEXT_REDUCTIONS: i32 = 4_000;

/// What a scheduler spends before it lets input and timers in although tasks are ready: BEAM's
/// `INPUT_REDUCTIONS`, two slices.
pub const INPUT_REDUCTIONS: i32 = 2 * CONTEXT_REDUCTIONS;

/// The budget of one slice.
///
/// Spending more than is left is allowed, because the work is already done when it is charged; the overdraft
/// counts in [`spent`](Budget::spent) and the budget reports itself as exhausted.
///
/// ```
/// use viga_scheduler::{Budget, CONTEXT_REDUCTIONS};
///
/// let mut budget = Budget::new(CONTEXT_REDUCTIONS);
/// assert!(budget.charge(3_000), "1,000 are left");
/// assert!(!budget.charge(1_500), "none are left: it is time to yield");
/// assert_eq!(budget.remaining(), 0);
/// assert_eq!(budget.spent(), 4_500);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    granted: i32,
    left: i32,
}

impl Budget {
    /// A budget of `granted` reductions; a negative grant is an exhausted budget.
    #[must_use]
    pub const fn new(granted: i32) -> Self {
        Budget {
            granted,
            left: granted,
        }
    }

    /// Charges `reductions` and says whether any are left. Saturates instead of wrapping.
    pub fn charge(&mut self, reductions: u32) -> bool {
        let reductions = i32::try_from(reductions).unwrap_or(i32::MAX);
        self.left = self.left.saturating_sub(reductions);
        self.left > 0
    }

    /// Reductions left, never negative.
    #[must_use]
    pub fn remaining(&self) -> u32 {
        u32::try_from(self.left).unwrap_or(0)
    }

    /// Reductions charged so far, overdraft included.
    #[must_use]
    pub fn spent(&self) -> u64 {
        u64::try_from(i64::from(self.granted) - i64::from(self.left)).unwrap_or(0)
    }
}
