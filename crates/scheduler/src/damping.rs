//! Keeps a balance from moving the same processes to and fro.
//!
//! [`balance`](crate::balance()) knows how many processes a scheduler has and how busy it was, not which of them made it
//! busy. Where one process takes a whole core and others next to it nothing, the share that is given away may be
//! that one process; then its new scheduler is the busy one, and the next plan sends it back. Queues can do the same
//! when light processes wait only while a heavy one is there.
//!
//! Such a circle shows as schedulers that give and take in turn. So each such turn makes the next one wait: 1
//! period, then 3, 7 and so on up to [`TURN_WAIT_MAX`]. A process that goes in a circle is soon moved once in six seconds.
//! The first turn is free, because work that spreads from one scheduler to many turns everybody on the way once. As
//! long as a scheduler does not want to turn, its turns are forgotten one by one.

use crate::balance::BalancePlan;

/// The longest wait, in periods.
pub const TURN_WAIT_MAX: u32 = (1 << TURNS_MAX) - 1;

const TURNS_MAX: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Gives,
    Takes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Inertia {
    last: Option<Role>,
    turns: u32,
    /// Periods until it may turn again.
    wait: u32,
    /// Periods in which it did not want to turn, since a turn was made or forgotten.
    calm: u32,
}

/// What the schedulers did in the last plans. Used by one thread at a time.
///
/// ```
/// use viga_scheduler::{BalancePlan, Damping, MigrationClass, MigrationPath};
///
/// // One process that is led away from wherever it is.
/// let (mut at, mut moves) = (0, 0);
/// let mut damping = Damping::new(2);
/// for _ in 0..1_000 {
///     let path = MigrationPath { target: 1 - at as u32, limit: 1, class: MigrationClass::Any };
///     let mut plan = BalancePlan { paths: vec![None; 2], resting: vec![false; 2], active: 2 };
///     plan.paths[at] = Some(path);
///     if damping.damp(plan).paths[at].is_some() {
///         (at, moves) = (1 - at, moves + 1);
///     }
/// }
/// assert!(moves < 25, "{moves}");
/// ```
#[derive(Clone, Debug)]
pub struct Damping {
    schedulers: Box<[Inertia]>,
}

impl Damping {
    /// Nobody has given or taken.
    #[must_use]
    pub fn new(schedulers: usize) -> Self {
        Damping {
            schedulers: vec![Inertia::default(); schedulers].into_boxed_slice(),
        }
    }

    /// Takes out of a plan the paths of those who turn round too often, and remembers the rest. Paths that empty a
    /// scheduler stay: it gets nothing back while it rests. O(n).
    ///
    /// # Panics
    /// When the plan is for another number of schedulers.
    #[must_use]
    pub fn damp(&mut self, mut plan: BalancePlan) -> BalancePlan {
        assert_eq!(
            plan.paths.len(),
            self.schedulers.len(),
            "a plan for other schedulers"
        );
        let wanted = roles(&plan);
        for (giver, path) in plan.paths.iter_mut().enumerate() {
            let Some(target) = path.map(|path| path.target as usize) else {
                continue;
            };
            let refused = self.schedulers[giver].refuses(Role::Gives)
                || self.schedulers[target].refuses(Role::Takes);
            if refused && !plan.resting[giver] {
                *path = None;
            }
        }
        let done = roles(&plan);
        for (index, inertia) in self.schedulers.iter_mut().enumerate() {
            inertia.note(wanted[index], done[index]);
        }
        plan
    }
}

impl Inertia {
    fn would_turn(&self, role: Role) -> bool {
        self.last.is_some_and(|last| last != role)
    }

    fn refuses(&self, role: Role) -> bool {
        self.wait > 0 && self.would_turn(role)
    }

    fn note(&mut self, wanted: Option<Role>, done: Option<Role>) {
        self.wait = self.wait.saturating_sub(1);
        if !wanted.is_some_and(|role| self.would_turn(role)) {
            self.calm += 1;
            if self.calm > TURN_WAIT_MAX {
                self.turns = self.turns.saturating_sub(1);
                self.calm = 0;
            }
        }
        let Some(role) = done else { return };
        if self.would_turn(role) {
            self.turns = (self.turns + 1).min(TURNS_MAX);
            self.wait = (1 << self.turns) - 1;
            self.calm = 0;
        }
        self.last = Some(role);
    }
}

fn roles(plan: &BalancePlan) -> Vec<Option<Role>> {
    let mut roles = vec![None; plan.paths.len()];
    for (giver, path) in plan.paths.iter().enumerate() {
        if let Some(path) = path {
            roles[giver] = Some(Role::Gives);
            roles[path.target as usize] = Some(Role::Takes);
        }
    }
    roles
}
