//! The people of the demonstration: one organisation for each role, seven bidders, two hundred experts. All sign in with
//! the same password; their first keys are made here so that the example tenders are really signed.

use crate::account::actions::{self, Registration};
use crate::account::house::House;
use crate::account::role::Role;
use crate::account::signature::{LABEL, SignedFields};
use crate::account::who::Who;
use crate::ledger::Actor;
use crate::party::rules::CreditCode;
use crate::platform::digest::b64u;
use crate::platform::random;
use crate::platform::refusal::{Failure, Fault, Refused};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};

/// The password of every demonstration account.
pub const PASSWORD: &str = "sunbid-demo";
/// What `sunbid serve` prints in a demonstration centre.
pub const GREETING: &str = "\
演示账号 Demonstration accounts (password 密码 sunbid-demo):
  agent       招标代理   tendering agent        entity      招标人     procuring entity
  bidder1…7   投标人     bidders                expert1…200 评标专家   experts
  supervisor  监督       supervisor             centre      交易中心   centre staff
  treasurer   财务       treasurer";
/// How many experts there are.
pub const EXPERTS: usize = 200;

/// A person of the demonstration with a signing key of their own.
pub struct Player {
    pub who: Who,
    key: EcdsaKeyPair,
    pub certificate: Vec<u8>,
}

impl Player {
    /// Signs a statement as the browser would.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn sign(&self, statement: &str) -> Result<SignedFields, Fault> {
        let signature = self.sign_bytes(&[LABEL, statement.as_bytes()].concat())?;
        Ok(SignedFields {
            statement: statement.into(),
            signature: b64u(&signature),
            certificate: b64u(&self.certificate),
        })
    }

    /// Signs any bytes: r‖s, 64 bytes.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let signature = self.key.sign(&random::source(), message).map_err(|_| Fault::new("signing failed"))?;
        Ok(signature.as_ref().to_vec())
    }
}

/// Everybody.
pub struct Cast {
    pub agent: Player,
    pub entity: Player,
    pub supervisor: Player,
    pub centre: Player,
    pub treasurer: Player,
    pub bidders: Vec<Player>,
    pub experts: Vec<Player>,
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
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何", "郭", "马", "罗",
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
    let kind = ["设计院", "大学土木学院", "造价咨询公司", "监理公司"].get(index % 4).copied().unwrap_or_default();
    format!("第{}{kind}", index % 40 / 4 + 1)
}

impl Cast {
    /// Registers everybody and gives everybody a key.
    ///
    /// # Errors
    /// The database is not empty, or fails.
    pub fn hire(house: &House) -> Result<Self, Failure> {
        let password_hash = actions::hash_password(PASSWORD)?;
        let mut number = 0;
        let mut hire = |role: Role, login: &str, person: &str, organisation: &str| {
            number += 1;
            // invented codes: region 990000 does not exist
            let code = CreditCode::complete(&format!("91990000{number:0>9}")).map_err(Refused::from)?;
            let new = Registration {
                credit_code: code.to_string(),
                organisation: organisation.into(),
                person: person.into(),
                login: login.into(),
                password_hash: password_hash.clone(),
                role,
            };
            let actor = Actor::system("demonstration");
            let who = house.door.write(actor, move |act| actions::register(act, &new))?.value;
            enrol(house, who)
        };
        let agent = hire(Role::Agent, "agent", "方经理", "中正招标代理有限公司")?;
        let entity = hire(Role::Entity, "entity", "郑主任", "滨海市城市建设管理局")?;
        let supervisor = hire(Role::Supervisor, "supervisor", "严处长", "滨海市公共资源交易监督管理局")?;
        let centre = hire(Role::Centre, "centre", "钱科长", "滨海市公共资源交易中心")?;
        let treasurer = hire(Role::Treasurer, "treasurer", "沈会计", "滨海市公共资源交易中心财务科")?;
        let mut bidders = Vec::new();
        for (index, organisation) in BIDDERS.iter().enumerate() {
            let name = format!("{}经理", SURNAMES.get(index).copied().unwrap_or_default());
            bidders.push(hire(Role::Bidder, &format!("bidder{}", index + 1), &name, organisation)?);
        }
        let mut experts = Vec::new();
        for index in 0..EXPERTS {
            let login = format!("expert{}", index + 1);
            let organisation = format!("{}（专家{}）", expert_employer(index), index + 1);
            experts.push(hire(Role::Expert, &login, &expert_name(index), &organisation)?);
        }
        Ok(Self { agent, entity, supervisor, centre, treasurer, bidders, experts })
    }
}

fn enrol(house: &House, who: Who) -> Result<Player, Failure> {
    let broken = |_| Fault::new("a key can not be made");
    let random = random::source();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(broken)?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random)
        .map_err(|_| Fault::new("a key can not be read back"))?;
    let point = key.public_key().as_ref().to_vec();
    let message = [b"etrade/enrol/v1\n", who.person.to_string().as_bytes()].concat();
    let proof = key.sign(&random, &message).map_err(broken)?.as_ref().to_vec();
    let (authority, person) = (house.authority.clone(), who.clone());
    let done = house.door.write(who.actor(), move |act| actions::enrol(act, &authority, &person, &point, &proof))?;
    Ok(Player { who, key, certificate: done.value })
}
