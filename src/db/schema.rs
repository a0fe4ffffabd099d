// @generated automatically by Diesel CLI.

diesel::table! {
    attempts (door) {
        door -> Text,
        failures -> BigInt,
        window_started_at -> BigInt,
        closed_until -> BigInt,
    }
}

diesel::table! {
    audit_events (id) {
        id -> Text,
        at -> BigInt,
        action -> Text,
        actor_kind -> Text,
        actor_id -> Text,
        through -> Text,
        address -> Text,
        agent -> Text,
        user_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        subject_id -> Text,
        subject_name -> Text,
        detail -> Text,
        search_key -> Text,
    }
}

diesel::table! {
    avatars (name) {
        name -> Text,
        user_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        large -> Binary,
        small -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    devices (id) {
        id -> Text,
        hash -> Binary,
        user_id -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
    }
}

diesel::table! {
    email_changes (id) {
        id -> Text,
        user_id -> Text,
        old_email -> Text,
        new_email -> Text,
        new_hash -> Binary,
        old_hash -> Binary,
        needs_old -> Bool,
        new_proved_at -> Nullable<BigInt>,
        old_proved_at -> Nullable<BigInt>,
        made_at -> Nullable<BigInt>,
        created_at -> BigInt,
        expires_at -> BigInt,
        undo_until -> BigInt,
    }
}

diesel::table! {
    facts (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    form_uses (form_id) {
        form_id -> Text,
        user_id -> Text,
        made -> Text,
        used_at -> BigInt,
        asked -> Text,
    }
}

diesel::table! {
    identities (id) {
        id -> Text,
        user_id -> Text,
        provider -> Text,
        issuer -> Text,
        subject -> Text,
        email -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    invitation_teams (invitation_id, team_id) {
        invitation_id -> Text,
        team_id -> Text,
    }
}

diesel::table! {
    invitations (id) {
        id -> Text,
        hash -> Binary,
        email -> Text,
        email_key -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        shown_hash -> Nullable<Binary>,
        organization_id -> Nullable<Text>,
        invited_by -> Nullable<Text>,
        role -> Nullable<Text>,
        role_id -> Nullable<Text>,
        invited_by_account -> Nullable<Text>,
        invited_by_token -> Nullable<Text>,
    }
}

diesel::table! {
    licenses (organization_id) {
        organization_id -> Text,
        plan -> Text,
        members -> Nullable<BigInt>,
        teams -> Nullable<BigInt>,
        api_keys -> Nullable<BigInt>,
        service_accounts -> Nullable<BigInt>,
        tokens -> Nullable<BigInt>,
        changed_at -> BigInt,
    }
}

diesel::table! {
    links (hash) {
        hash -> Binary,
        purpose -> Text,
        user_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    members (organization_id, user_id) {
        organization_id -> Text,
        user_id -> Text,
        role -> Text,
        created_at -> BigInt,
        role_id -> Nullable<Text>,
        name_key -> Text,
        is_target -> Bool,
    }
}

diesel::table! {
    openid_flows (code_hash) {
        code_hash -> Binary,
        browser_hash -> Binary,
        provider -> Text,
        purpose -> Text,
        session_id -> Nullable<Text>,
        next -> Text,
        keep -> Bool,
        issuer -> Text,
        subject -> Text,
        email -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    organizations (id) {
        id -> Text,
        kind -> Text,
        slug -> Text,
        name -> Text,
        private_to -> Nullable<Text>,
        created_at -> BigInt,
        changes -> BigInt,
        allows_personal_tokens -> Bool,
        allows_members_keys -> Bool,
        requires_second_factor -> Bool,
        avatar -> Nullable<Text>,
        member_count -> BigInt,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        user_id -> Nullable<Text>,
        recipient -> Text,
        subject -> Text,
        text_body -> Text,
        html_body -> Text,
        state -> Text,
        attempts -> BigInt,
        reason -> Text,
        created_at -> BigInt,
        due_at -> BigInt,
        ends_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    passkey_ceremonies (hash) {
        hash -> Binary,
        purpose -> Text,
        binding -> Binary,
        user_id -> Nullable<Text>,
        state -> Text,
        expires_at -> BigInt,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Text,
        user_id -> Text,
        credential_id -> Binary,
        passkey -> Text,
        name -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    pending_logins (hash) {
        hash -> Binary,
        user_id -> Text,
        proof -> Text,
        keep -> Bool,
        failures -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    recovery_codes (user_id, tag) {
        user_id -> Text,
        tag -> Binary,
    }
}

diesel::table! {
    recovery_sets (user_id) {
        user_id -> Text,
        salt -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    roles (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        description -> Text,
        rights -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    service_accounts (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        description -> Text,
        role -> Text,
        role_id -> Nullable<Text>,
        responsible_id -> Nullable<Text>,
        is_enabled -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        key_hash -> Binary,
        user_id -> Text,
        persistent -> Bool,
        address -> Text,
        agent -> Text,
        created_at -> BigInt,
        seen_at -> BigInt,
        expires_at -> BigInt,
        confirmed_until -> BigInt,
        administered_at -> BigInt,
        organization_id -> Nullable<Text>,
        kind -> Text,
        client -> Text,
        last_four -> Text,
    }
}

diesel::table! {
    setup_codes (hash) {
        hash -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    sign_ups (hash) {
        hash -> Binary,
        email -> Text,
        email_key -> Text,
        first_name -> Text,
        last_name -> Text,
        password_hash -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    team_members (team_id, user_id) {
        team_id -> Text,
        user_id -> Text,
        organization_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    teams (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        name_key -> Text,
        description -> Text,
        role -> Nullable<Text>,
        role_id -> Nullable<Text>,
        created_at -> BigInt,
    }
}

diesel::table! {
    terminal_logins (hash) {
        hash -> Binary,
        code_hash -> Binary,
        client -> Text,
        address -> Text,
        agent -> Text,
        state -> Text,
        user_id -> Nullable<Text>,
        answered_at -> Nullable<BigInt>,
        pause -> BigInt,
        polled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    token_addresses (token_id, address) {
        token_id -> Text,
        address -> Text,
        agent -> Text,
        used_at -> BigInt,
    }
}

diesel::table! {
    token_policies (id) {
        id -> Text,
        max_days -> Nullable<BigInt>,
        default_days -> Nullable<BigInt>,
        preset_days -> Nullable<Text>,
        allow_never -> Nullable<Bool>,
        max_per_user -> Nullable<BigInt>,
        changed_at -> BigInt,
        changes -> BigInt,
    }
}

diesel::table! {
    token_secrets (id) {
        id -> Text,
        token_id -> Text,
        hash -> Binary,
        last_four -> Text,
        is_current -> Bool,
        created_at -> BigInt,
        expires_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        last_used_at -> Nullable<BigInt>,
        last_used_address -> Text,
        last_used_agent -> Text,
        holder -> Nullable<Text>,
        later_uses -> BigInt,
        late_at -> Nullable<BigInt>,
        ends_at -> BigInt,
        used_at -> BigInt,
    }
}

diesel::table! {
    tokens (id) {
        id -> Text,
        kind -> Text,
        user_id -> Nullable<Text>,
        organization_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
        everything -> Bool,
        scopes -> Text,
        created_at -> BigInt,
        name_key -> Text,
        may_rotate -> Bool,
        service_account_id -> Nullable<Text>,
        holder -> Nullable<Text>,
    }
}

diesel::table! {
    totp (user_id) {
        user_id -> Text,
        key_id -> Text,
        sealed -> Binary,
        last_step -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_key -> Text,
        first_name -> Text,
        last_name -> Text,
        password_hash -> Nullable<Text>,
        password_changed_at -> Nullable<BigInt>,
        is_administrator -> Bool,
        status -> Text,
        theme -> Text,
        changes -> BigInt,
        created_at -> BigInt,
        second_factor -> Bool,
        avatar -> Nullable<Text>,
        works_in -> Nullable<Text>,
        withdrawn_hash -> Nullable<Text>,
    }
}

diesel::table! {
    verifiers (id) {
        id -> Text,
        name -> Text,
        hash -> Binary,
        last_four -> Text,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
    }
}

diesel::joinable!(avatars -> organizations (organization_id));
diesel::joinable!(avatars -> users (user_id));
diesel::joinable!(devices -> users (user_id));
diesel::joinable!(email_changes -> users (user_id));
diesel::joinable!(form_uses -> users (user_id));
diesel::joinable!(identities -> users (user_id));
diesel::joinable!(invitation_teams -> invitations (invitation_id));
diesel::joinable!(invitation_teams -> teams (team_id));
diesel::joinable!(invitations -> organizations (organization_id));
diesel::joinable!(invitations -> roles (role_id));
diesel::joinable!(invitations -> service_accounts (invited_by_account));
diesel::joinable!(invitations -> users (invited_by));
diesel::joinable!(licenses -> organizations (organization_id));
diesel::joinable!(links -> users (user_id));
diesel::joinable!(members -> organizations (organization_id));
diesel::joinable!(members -> roles (role_id));
diesel::joinable!(members -> users (user_id));
diesel::joinable!(openid_flows -> sessions (session_id));
diesel::joinable!(passkey_ceremonies -> users (user_id));
diesel::joinable!(passkeys -> users (user_id));
diesel::joinable!(pending_logins -> users (user_id));
diesel::joinable!(recovery_codes -> recovery_sets (user_id));
diesel::joinable!(recovery_sets -> users (user_id));
diesel::joinable!(roles -> organizations (organization_id));
diesel::joinable!(service_accounts -> organizations (organization_id));
diesel::joinable!(service_accounts -> roles (role_id));
diesel::joinable!(service_accounts -> users (responsible_id));
diesel::joinable!(sessions -> organizations (organization_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(team_members -> teams (team_id));
diesel::joinable!(teams -> organizations (organization_id));
diesel::joinable!(teams -> roles (role_id));
diesel::joinable!(terminal_logins -> users (user_id));
diesel::joinable!(token_addresses -> tokens (token_id));
diesel::joinable!(token_secrets -> tokens (token_id));
diesel::joinable!(tokens -> organizations (organization_id));
diesel::joinable!(tokens -> service_accounts (service_account_id));
diesel::joinable!(tokens -> users (user_id));
diesel::joinable!(totp -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    attempts,
    audit_events,
    avatars,
    devices,
    email_changes,
    facts,
    form_uses,
    identities,
    invitation_teams,
    invitations,
    licenses,
    links,
    members,
    openid_flows,
    organizations,
    outbox,
    passkey_ceremonies,
    passkeys,
    pending_logins,
    recovery_codes,
    recovery_sets,
    roles,
    service_accounts,
    sessions,
    setup_codes,
    sign_ups,
    team_members,
    teams,
    terminal_logins,
    token_addresses,
    token_policies,
    token_secrets,
    tokens,
    totp,
    users,
    verifiers,
);
