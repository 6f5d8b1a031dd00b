//! 数据 Open data: what machines outside read. A glass room: it reads everything public and writes nothing.
//!
//! [`log`] serves the public log as C2SP tlog-tiles has it: the checkpoint, tiles of hashes, bundles of blinded
//! entries, and a page that explains them to people. Whoever keeps checkpoints can prove that nothing was ever
//! changed or removed; the entries tell nobody what they are about until their blinds are released.
//!
//! [`receipt`] helps staff with a bidder who shows a receipt, and tells them nothing that the receipt does not prove.
//!
//! Who comes in: everybody, programs above all. What leaves: bytes that never change once they exist.

pub mod evidence;
pub mod log;
pub mod receipt;

#[cfg(test)]
mod tests;
