//! 主体 Organisations: who may be a bidder, an agent, a procuring entity, a supervising body, the centre itself.
//!
//! An organisation is known by its 18-character unified social credit code (统一社会信用代码, GB 32100-2015), whose
//! check digit is verified; one code, one organisation. People belong to organisations and are the business of
//! [`crate::account`]. The platform must not ask more of a bidder than the law does (公共资源交易平台管理暂行办法: no
//! registration fees, no local branch): name and code are enough.
//!
//! Who comes in: registration, the centre's staff. What leaves: an organisation's name and code, for every room.
//! Table: `party_organisation`, append-only but for the name.

pub mod rules;
pub mod store;

#[cfg(test)]
mod tests;
