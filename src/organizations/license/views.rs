//! What the pages of a license show.

use askama::Template;

use super::{License, Limited};
use crate::organizations::Kind;
use crate::organizations::views::Place;
use crate::web::{Badge, Shell, filters};

#[derive(Template)]
#[template(path = "organizations/license.html")]
pub struct LicensePage {
    pub shell: Shell,
    pub place: Place,
    pub license: LicenseView,
}

/// The same beside one's own settings.
#[derive(Template)]
#[template(path = "organizations/license_worked_in.html")]
pub struct LicenseWorkedInPage {
    pub shell: Shell,
    pub organization: String,
    pub url: Option<String>,
    pub license: Option<LicenseView>,
}

/// There is no room for one more.
#[derive(Template)]
#[template(path = "organizations/full.html")]
pub struct FullPage {
    pub shell: Shell,
    pub place: Place,
    pub count: String,
    pub back_url: String,
}

/// What a plan allows, beside what there is.
pub struct LicenseView {
    pub plan: String,
    pub lines: Vec<LicenseLine>,
}

pub struct LicenseLine {
    pub what: &'static str,
    pub used: i64,
    /// Nothing is no limit.
    pub limit: Option<i64>,
    pub status: Option<Badge>,
}

impl LicenseView {
    pub fn new(license: &License, used: &[(Limited, i64)], kind: Kind) -> Self {
        let line = |(what, used): &(Limited, i64)| {
            let limit = license.limit(*what);
            let status = limit.and_then(|limit| match used.cmp(&limit) {
                std::cmp::Ordering::Less if limit >= 10 && used * 10 >= limit * 9 => {
                    Some(Badge { kind: "attention", word: "Nearly full" })
                }
                std::cmp::Ordering::Less => None,
                std::cmp::Ordering::Equal => Some(Badge { kind: "attention", word: "Full" }),
                std::cmp::Ordering::Greater => Some(Badge { kind: "danger", word: "Over the limit" }),
            });
            LicenseLine { what: what.words(), used: *used, limit, status }
        };
        // A private organization has one member, and no teams.
        let here =
            |(what, _): &&(Limited, i64)| kind == Kind::Shared || !matches!(what, Limited::Members | Limited::Teams);
        Self { plan: license.plan.clone(), lines: used.iter().filter(here).map(line).collect() }
    }
}
