//! Who sees and ends which keys: pure. Who makes them is [`crate::organizations::policy::may_make_keys`].

use crate::ids::UserId;
use crate::organizations::{Right, Rights};

/// Whether a member sees everybody's keys, or their own alone.
pub fn sees_all(rights: &Rights) -> bool {
    rights.may(Right::SeeKeys)
}

/// Whether a member may end a key: their own always, whatever became of their role.
pub fn may_delete(rights: &Rights, me: &UserId, maker: Option<&UserId>) -> bool {
    maker == Some(me) || rights.may(Right::DeleteKeys)
}

/// Whether a member sees from where, and with what, a key was made and used: of their own, and where they read the log.
pub fn sees_origins(rights: &Rights, me: &UserId, maker: Option<&UserId>) -> bool {
    maker == Some(me) || rights.may(Right::SeeLogs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{Catalogue, Role};

    /// Covers: S4-26
    #[test]
    fn ones_own_keys_are_ones_own_and_others_follow_from_rights() {
        let rights = |role| Rights::of_role(role, None, &Catalogue::default());
        let (me, other) = (UserId::new(), UserId::new());
        for (role, sees, deletes) in [
            (Role::Owner, true, true),
            (Role::Admin, true, true),
            (Role::Member, true, false),
            (Role::Viewer, false, false),
        ] {
            assert_eq!(sees_all(&rights(role)), sees, "{role:?}");
            assert_eq!(may_delete(&rights(role), &me, Some(&other)), deletes, "{role:?}");
            assert_eq!(may_delete(&rights(role), &me, None), deletes, "{role:?}");
            assert!(may_delete(&rights(role), &me, Some(&me)), "{role:?}");
            assert_eq!(sees_origins(&rights(role), &me, Some(&other)), deletes, "{role:?}");
            assert_eq!(sees_origins(&rights(role), &me, None), deletes, "{role:?}");
            assert!(sees_origins(&rights(role), &me, Some(&me)), "{role:?}");
        }
    }
}
