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
    }
}

diesel::table! {
    tokens (id) {
        id -> Text,
        kind -> Text,
        user_id -> Text,
        organization_id -> Nullable<Text>,
        name -> Text,
        description -> Text,
        everything -> Bool,
        scopes -> Text,
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

diesel::joinable!(form_uses -> users (user_id));
diesel::joinable!(links -> users (user_id));
diesel::joinable!(members -> organizations (organization_id));
diesel::joinable!(members -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(token_secrets -> tokens (token_id));
diesel::joinable!(tokens -> organizations (organization_id));
diesel::joinable!(tokens -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    attempts,
    audit_events,
    facts,
    form_uses,
    invitations,
    links,
    members,
    organizations,
    outbox,
    sessions,
    setup_codes,
    sign_ups,
    token_secrets,
    tokens,
    users,
    verifiers,
);
