//! 类别与地区: in which category and region a tender is listed. Regions are data (`rulebooks/regions.toml`).

use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

use super::rulebook::{BothNames, Family};

/// 交易类别
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// 房建工程
    Construction,
    /// 公路工程
    Highway,
    /// 水利工程
    Water,
    /// 港口水运工程
    Port,
    /// 市政绿化工程
    Municipal,
    /// 政府采购货物
    Goods,
    /// 政府采购服务
    Services,
}

impl Category {
    pub const ALL: [Self; 7] = [
        Self::Construction,
        Self::Highway,
        Self::Water,
        Self::Port,
        Self::Municipal,
        Self::Goods,
        Self::Services,
    ];

    /// The word in databases, addresses and locale keys (`project.category.<code>`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Construction => "construction",
            Self::Highway => "highway",
            Self::Water => "water",
            Self::Port => "port",
            Self::Municipal => "municipal",
            Self::Goods => "goods",
            Self::Services => "services",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code() == code)
    }

    /// Under which law tenders of this category are held.
    pub const fn family(self) -> Family {
        match self {
            Self::Goods | Self::Services => Family::Procurement,
            Self::Construction | Self::Highway | Self::Water | Self::Port | Self::Municipal => {
                Family::Tendering
            }
        }
    }
}

/// 行政区划: a six-digit code of GB/T 2260 and its name.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub code: String,
    pub name: BothNames,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regions {
    region: Vec<Region>,
}

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let text = include_str!("../../rulebooks/regions.toml");
    let regions: Regions = toml::from_str(text).unwrap_or_else(|bad| panic!("rulebooks/regions.toml: {bad}"));
    regions.region
});

impl Region {
    /// All regions in the order of their codes.
    pub fn all() -> &'static [Self] {
        &REGIONS
    }

    pub fn find(code: &str) -> Option<&'static Self> {
        REGIONS.iter().find(|region| region.code == code)
    }
}
