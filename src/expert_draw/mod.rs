//! 专家抽取 The draw of evaluation experts, which a stranger can recompute.
//!
//! *What happens here.* The centre imports the pool of experts from its registry. The agent sets the conditions of
//! one draw (specialities, regions, seats, units to avoid, the public value that will decide). Rules remove who may
//! not be drawn; the list, under salted ids, is logged. At least three parties commit to secrets, the document
//! is fixed and logged, the secrets are revealed until T1, the world learns the public value at T2, and the rest is
//! arithmetic. Who declines is followed by the next alternate. The same machine draws a coefficient.
//!
//! *Who comes in.* Centre staff (pool), agent and procuring entity (set-up), the parties (commit, reveal, read
//! the public value), the expert (own invitation), the supervisor (everything).
//!
//! *What leaves.* To `evaluation`: who holds the seats. To the log: hashes of pool, list, document and result. To
//! `publication`: the names, when the award is made and not before.
//!
//! *Articles.* 《招标投标法》第三十七条 (random, secret until the result), 《招标投标法实施条例》第四十六条 (nobody designates, nobody is
//! replaced without cause), 《评标专家和评标专家库管理办法》, 财库〔2016〕198号 (avoidance within three years).
//!
//! *Invariants.* No secret counts after T1. No public value counts before T2. A draw happens once. Names are sealed
//! at rest, and every reading of them is entered in the log.
//!
//! *Tables.* `expert_draw_*`. *Format.* `docs/formats/draw.md`.

pub mod actions;
pub mod coefficient;
pub mod draw;
pub mod eligibility;
mod events;
pub mod hex_bytes;
pub mod pages;
pub mod pool;
pub mod public_value;
pub mod rules;
mod sealed;
pub mod store;
pub mod tasks;

pub mod testing;
#[cfg(test)]
pub(crate) mod tests;
