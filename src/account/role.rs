//! The seven roles in which a person may act. One person may hold several; every act names the one it uses.

use serde::{Deserialize, Serialize};

/// In which capacity somebody acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 投标人、供应商
    Bidder,
    /// 招标代理
    Agent,
    /// 招标人、采购人
    Entity,
    /// 评标专家
    Expert,
    /// 监督人员
    Supervisor,
    /// 交易中心工作人员
    Centre,
    /// 财务人员
    Treasurer,
}

impl Role {
    pub const ALL: [Self; 7] = [
        Self::Bidder,
        Self::Agent,
        Self::Entity,
        Self::Expert,
        Self::Supervisor,
        Self::Centre,
        Self::Treasurer,
    ];

    /// The word in databases, documents and addresses.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Bidder => "bidder",
            Self::Agent => "agent",
            Self::Entity => "entity",
            Self::Expert => "expert",
            Self::Supervisor => "supervisor",
            Self::Centre => "centre",
            Self::Treasurer => "treasurer",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::Role;

    #[test]
    fn every_role_is_read_back_from_its_code() {
        for role in Role::ALL {
            assert_eq!(Role::from_code(role.code()), Some(role));
            assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{}\"", role.code()));
        }
        assert_eq!(Role::from_code("Bidder"), None);
    }
}
