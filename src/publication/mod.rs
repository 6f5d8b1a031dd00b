//! 公示与结果 Publication: what the evaluation found becomes public, and the award follows.
//!
//! **Who comes in.** The agent, who puts the candidates on display and publishes the result; the procuring entity,
//! which decides the award; the public, which reads; each bidder, who reads an own letter.
//! **What leaves.** The candidates notice with ranking and reasons for rejection (tendering), the award decision, the
//! result notice, the award letter and the letters to the others at the same instant, and refunds that fall due.
//!
//! Articles: 《招标投标法》第四十五、四十六、四十八条; 条例第五十四至五十七条; 《政府采购法实施条例》第三十三、四十三条;
//! 87号令第六十九条. Periods come from the rulebook of the tender, never from here.
//!
//! Invariants: **no award before the display is over and every objection is answered**; **the first rank wins unless
//! the law knows a cause**; **winner and others are told in one act**; **names of experts appear only where and when
//! the rulebook says so**; **a notice never changes and its address never dies**.
//!
//! Tables: `publication_notice`, `publication_award`, `publication_letter`.

pub mod actions;
pub mod notice;
pub mod pages;
pub mod rules;
pub mod sources;
pub mod store;

pub mod testing;
#[cfg(test)]
mod tests;
