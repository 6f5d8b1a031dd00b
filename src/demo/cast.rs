//! The people of the demonstration: one organisation for each role, seven bidders, two hundred experts. All sign in with
//! the same password; their first keys are made here so that the example tenders are really signed.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::project::testing::Staff;

/// The password of every demonstration account.
pub const PASSWORD: &str = "sunbid-demo";
/// What `sunbid serve` prints in a demonstration centre.
pub const GREETING: &str = "\
演示账号 Demonstration accounts (password 密码 sunbid-demo):
  agent       招标代理   tendering agent        entity      招标人     procuring entity
  bidder1…7   投标人     bidders                expert1…200 评标专家   experts
  supervisor  监督       supervisor             centre      交易中心   centre staff
  treasurer   财务       treasurer              delegate1,2 招标人代表 representatives on committees
  A drawn expert's account is their number: E00161 signs in as expert161. 专家 E00161 的账号是 expert161。
  Bank notices and the trustees' key files 银行通知与保管人密钥文件: /demo";
/// How many experts there are.
pub const EXPERTS: usize = 200;

/// Everybody.
pub struct Cast {
    pub staff: Staff,
    pub treasurer: Member,
    /// Who represent the procuring entity on committees.
    pub delegates: Vec<Member>,
    pub bidders: Vec<Member>,
    pub experts: Vec<Member>,
}

const BIDDERS: [&str; 7] = [
    "东江建设集团有限公司",
    "海晏市政工程有限公司",
    "明远路桥股份有限公司",
    "青禾建筑工程有限公司",
    "同舟基础工程有限公司",
    "望山建设有限公司",
    "星火市政园林有限公司",
];

const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何",
    "郭", "马", "罗",
];
const GIVEN: [&str; 10] = ["建国", "淑芬", "志强", "丽华", "文博", "雅琴", "永康", "晓峰", "桂英", "思远"];

/// The name of expert number `index`, from zero; two hundred different ones.
pub fn expert_name(index: usize) -> String {
    let surname = SURNAMES.get(index % SURNAMES.len()).copied().unwrap_or_default();
    let given = GIVEN.get(index / SURNAMES.len() % GIVEN.len()).copied().unwrap_or_default();
    format!("{surname}{given}")
}

/// The employer of expert number `index`: forty of them.
pub fn expert_employer(index: usize) -> String {
    let kind =
        ["设计院", "大学土木学院", "造价咨询公司", "监理公司"].get(index % 4).copied().unwrap_or_default();
    format!("第{}{kind}", index % 40 / 4 + 1)
}

impl Cast {
    /// Registers everybody, each with a key of their own.
    pub fn hire(house: &TestHouse) -> Self {
        let bidder = |(index, organisation): (usize, &&str)| {
            let name = format!("{}经理", SURNAMES.get(index).copied().unwrap_or_default());
            house.hire(Role::Bidder, &format!("bidder{}", index + 1), &name, organisation)
        };
        let expert = |index: usize| {
            let organisation = format!("{}（专家{}）", expert_employer(index), index + 1);
            house.hire(Role::Expert, &format!("expert{}", index + 1), &expert_name(index), &organisation)
        };
        Self {
            staff: Staff {
                agent: house.hire(Role::Agent, "agent", "方经理", "中正招标代理有限公司"),
                entity: house.hire(Role::Entity, "entity", "郑主任", "滨海市城市建设管理局"),
                supervisor: house.hire(
                    Role::Supervisor,
                    "supervisor",
                    "严处长",
                    "滨海市公共资源交易监督管理局",
                ),
                centre: house.hire(Role::Centre, "centre", "钱科长", "滨海市公共资源交易中心"),
                further: Vec::new(),
            },
            treasurer: house.hire(Role::Treasurer, "treasurer", "沈会计", "滨海市公共资源交易中心财务科"),
            delegates: [("delegate1", "温工程师"), ("delegate2", "贺工程师")]
                .map(|(login, name)| {
                    house.hire(Role::Entity, login, name, &format!("滨海市城市建设管理局（{login}）"))
                })
                .into(),
            bidders: BIDDERS.iter().enumerate().map(bidder).collect(),
            experts: (0..EXPERTS).map(expert).collect(),
        }
    }
}
