//! Sunbid · 阳光交易. The street map: one module per step of the business, in the order in which a tender
//! walks through them. A room may know the basement and the rooms above it in this list, never one below.

rust_i18n::i18n!("locales", fallback = "zh-CN");

/// The basement: values, time, database, files, web plumbing. Knows no room.
pub mod platform;
/// 存证 The append-only public log and the Act, the one door for writing.
pub mod ledger;
/// 密封格式 The sealed-bid envelope format: pure code, no database, no web.
pub mod sealing;
/// 主体 Organisations and people.
pub mod party;
/// 登录 Sign-in, roles, certificates, signatures.
pub mod account;
/// 消息 What the centre writes to an organisation.
pub mod message;
/// 项目与标段 The spine: tender, lot, schedule, milestones, rulebook.
pub mod project;
/// 故障顺延 Deadlines that move because the platform was away.
pub mod outage;
/// 公告 Notices, documents, amendments.
pub mod announcement;
/// 澄清答疑 Questions and answers.
pub mod clarification;
/// 保证金 Deposits in, matched, returned.
pub mod deposit;
/// 密封投标 Upload, submit, replace, withdraw, receipt.
pub mod sealed_bid;
/// 专家抽取 The draw that a stranger can recompute.
pub mod expert_draw;
/// 音视频存档 Recordings bound to the log.
pub mod recording;
/// 开标 The opening hall.
pub mod opening;
/// 评标 Committee, score sheets, ranking, report.
pub mod evaluation;
/// 公示与结果 Candidates, award, result.
pub mod publication;
/// 异议 Objections and their answers.
pub mod objection;
/// 门户 The public's home, search, tender pages. A glass room: reads all, writes nothing.
pub mod portal;
/// 监督 The supervisor's view. A glass room, but for the freeze that `project` carries out.
pub mod supervision;
/// The offline verifier of evidence bundles; uses only pure parts.
pub mod verify;
/// 数据 Exports for the outside world. A glass room.
pub mod open_data;
/// The demonstration centre: walks real acts at simulated times.
pub mod demo;
/// The only module that knows every room: routes, jobs, start-up.
pub mod app;
/// The subcommands of the binary.
pub mod cli;

#[cfg(test)]
mod tests;
