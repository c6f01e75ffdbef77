//! The seam between mechanism and policy: which of the free blocks a request gets.
//!
//! The mechanism ([`crate::instance`]) cuts, merges and moves blocks; a policy only remembers which blocks are free.
//! OTP draws the same line with the table of functions in `Allctr_t` (`get_free_block`, `link_free_block`,
//! `unlink_free_block`, `add_mbc`, `remove_mbc`). Calls are dynamic, as there: the front cache answers most requests
//! without asking, and a tree walk costs more than the call.

use crate::aoffcbf::CarrierFirstFitBestFit;
use crate::block::Block;
use crate::carrier::Carrier;

/// The block policies, under OTP's names (`+M<S>as`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// `aoffcbf`: the carrier with the lowest address that has room, and in it the smallest block that fits.
    AddressOrderFirstFitCarrierBestFit,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Strategy; 1] = [Strategy::AddressOrderFirstFitCarrierBestFit];

    /// The name that flags use.
    ///
    /// ```
    /// use viga_allocator::Strategy;
    /// assert_eq!(Strategy::AddressOrderFirstFitCarrierBestFit.name(), "aoffcbf");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::AddressOrderFirstFitCarrierBestFit => "aoffcbf",
        }
    }

    pub(crate) fn create(self) -> Box<dyn Policy> {
        match self {
            Strategy::AddressOrderFirstFitCarrierBestFit => Box::new(CarrierFirstFitBestFit::new()),
        }
    }
}

/// Remembers the free blocks of an instance's multiblock carriers.
///
/// A policy may keep [`crate::carrier::POLICY_WORDS`] words in each carrier's header (`Carrier::policy`, zero at
/// first) and 24 bytes in each free block, right behind its header.
pub(crate) trait Policy: Send {
    /// A new carrier, none of whose blocks are linked yet.
    ///
    /// # Safety
    /// The carrier lives, belongs to this policy's instance and was not added before.
    unsafe fn add_carrier(&mut self, carrier: *mut Carrier);

    /// A carrier is about to go; none of its blocks are linked.
    ///
    /// # Safety
    /// The carrier was added.
    unsafe fn remove_carrier(&mut self, carrier: *mut Carrier);

    /// A block became free.
    ///
    /// # Safety
    /// Header and footer are written, the block is not linked, its carrier was added.
    unsafe fn link(&mut self, block: Block);

    /// A free block is about to be used, merged or resized.
    ///
    /// # Safety
    /// The block is linked and its header is as it was then.
    unsafe fn unlink(&mut self, block: Block);

    /// The linked block that a request for `size` bytes (a block size) should get. It stays linked.
    fn find(&self, size: usize) -> Option<Block>;

    /// Walks everything; `visit` is called once for each linked block. Panics where an invariant is broken.
    #[cfg(any(all(test, not(loom)), feature = "hard-checks"))]
    fn check(&self, visit: &mut dyn FnMut(Block));
}
