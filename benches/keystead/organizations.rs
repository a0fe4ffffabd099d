//! An organization of thousands beside a small one: the same pages, and a check of a key.
//!
//! The small one fills a page of each list, so that both print as many rows, and what differs is what is looked through.

use std::rc::Rc;

use anyhow::Context;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use keystead::auth::{PlainSecret, SecretKind};
use keystead::clock::{Clock, DAY, Timestamp};
use keystead::db::schema::{sessions, tokens, users};
use keystead::db::{Db, Tx};
use keystead::error::Result;
use keystead::ids::{OrganizationId, TokenId, UserId};
use keystead::tokens::TokenKind;
use keystead::urls;

use crate::load::{Ask, Person, home};
use crate::server::Server;
use crate::stock::{self, Tokens};
use crate::table::{Case, Table, Target, in_turns};
use crate::{PASSWORD, Plan, Stocked, VALID};

const PAGE: &str = "<!DOCTYPE html>";

/// What an organization has, and which of the people owns it.
struct Size {
    slug: &'static str,
    owner: usize,
    members: usize,
    teams: usize,
    keys: usize,
    events: usize,
}

const SIZES: [Size; 2] = [
    Size { slug: "small", owner: 0, members: 60, teams: 60, keys: 60, events: 200 },
    Size { slug: "large", owner: 1, members: 5_000, teams: 200, keys: 2_000, events: 50_000 },
];

/// What a page is called, and where it is in an organization.
type Page = (&'static str, fn(&str) -> String);

/// Measures both, each page in turns.
pub async fn large_and_small(plan: &Plan, table: &mut Table, hash: &str) -> anyhow::Result<()> {
    let stocked = Stocked::fill(None, hash, [0, 0])?;
    let db = Db::open(&stocked.url)?;
    let mut keys = Vec::new();
    for size in &SIZES {
        keys.push(Rc::new(fill(&db, size).with_context(|| format!("filling {}", size.slug))?));
    }
    let server = stocked.serve(None, None).await?;
    let mut cookies = Vec::new();
    for size in &SIZES {
        let email = stock::email(size.owner);
        let mut arrived = Person::arrive(server.address, home(250 + size.owner), &email, PASSWORD).await?;
        cookies.push(format!("Cookie: keystead_session={}\r\n", arrived.sign_in().await?));
        work_in(&db, size)?;
    }
    drop(db);
    let keys_page = |_: &str| urls::settings_api_keys();
    let pages: [Page; 5] = [
        ("overview", urls::organization),
        ("members", urls::members),
        ("teams", urls::teams),
        ("logs", urls::organization_logs),
        ("API keys", keys_page),
    ];
    for (what, page) in pages {
        let asks = [0, 1].map(|at| Ask::get(server.address, &page(SIZES[at].slug), &cookies[at], PAGE));
        pair(plan, table, &server, what, asks, "</html>").await?;
    }
    let question = ",\"entity_type\":\"channels\",\"operation\":\"read\"";
    let asks = [0, 1].map(|at| Ask::verify(server.address, &stocked.credential, question, &keys[at], VALID));
    pair(plan, table, &server, "a check of a key", asks, "\"token_id\"").await
}

async fn pair(
    plan: &Plan,
    table: &mut Table,
    server: &Server,
    what: &str,
    mut asks: [Ask; 2],
    contains: &str,
) -> anyhow::Result<()> {
    for ask in &mut asks {
        ask.probe(server.address, contains).await.with_context(|| what.to_owned())?;
    }
    let cases = asks.map(|ask| Case { server, ask });
    let [small, large] = in_turns(cases, plan.turns, plan.turn).await?;
    table.row(&format!("{what}, an organization of {} members", SIZES[0].members), &small, None, &Target::None);
    let times = (large.cpu_to(&small), "× CPU of the small one");
    table.row(&format!("{what}, of 5,000, 200 teams, 2,000 keys"), &large, Some(times), &Target::AtMost(1.5));
    Ok(())
}

/// Has the owner's login work in their organization, as the switch in the header does.
fn work_in(db: &Db, size: &Size) -> anyhow::Result<()> {
    let (email, slug) = (stock::email(size.owner), size.slug);
    Ok(db.write_here(move |tx| {
        let owner = users::table.filter(users::email_key.eq(email)).select(users::id);
        diesel::update(sessions::table.filter(sessions::user_id.eq_any(owner)))
            .set(sessions::organization_id.eq(id_of(slug)))
            .execute(&mut **tx)?;
        Ok(())
    })?)
}

fn id_of(slug: &str) -> OrganizationId {
    OrganizationId::from(format!("{slug:0>26}"))
}

/// Makes the organization with everything in it; the secrets of its keys.
fn fill(db: &Db, size: &'static Size) -> anyhow::Result<Tokens> {
    let now = Clock::system().now();
    let secrets = db.write_here(move |tx| {
        let email = stock::email(size.owner);
        let owner: UserId = users::table.filter(users::email_key.eq(email)).select(users::id).get_result(&mut **tx)?;
        for statement in statements(size, &owner, now) {
            tx.batch_execute(&statement)?;
        }
        (0..size.keys).map(|number| key(tx, size, number, now)).collect::<Result<Vec<_>>>()
    })?;
    Ok(Tokens::of(&secrets))
}

/// People, teams of twenty-five, and what happened, as rows of their own.
fn statements(size: &Size, owner: &UserId, now: Timestamp) -> Vec<String> {
    let (slug, id, now) = (size.slug, id_of(size.slug), now.unix());
    let numbers = |count: usize| {
        format!("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {})", count - 1)
    };
    let person = format!("'{slug}-' || CAST(i AS TEXT)");
    let (members, teams, events) = (numbers(size.members), numbers(size.teams), numbers(size.events));
    let count = size.teams;
    vec![
        format!(
            "INSERT INTO organizations (id, kind, slug, name, created_at) VALUES ('{id}', 'shared', '{slug}', '{slug}', {now}); \
             INSERT INTO members (organization_id, user_id, role, name_key, created_at) \
             VALUES ('{id}', '{owner}', 'owner', 'owner', {now})"
        ),
        format!(
            "{members} INSERT INTO users (id, email, email_key, first_name, last_name, is_administrator, status, theme, created_at) \
             SELECT {person}, {person} || '@example.com', {person} || '@example.com', 'Person', CAST(i AS TEXT), \
             FALSE, 'active', 'light', {now} FROM n"
        ),
        format!(
            "{members} INSERT INTO members (organization_id, user_id, role, name_key, created_at) \
             SELECT '{id}', {person}, 'member', 'person ' || CAST(i AS TEXT) || ' ' || {person} || '@example.com', {now} FROM n"
        ),
        format!(
            "{teams} INSERT INTO teams (id, organization_id, name, name_key, description, role, created_at) \
             SELECT {person}, '{id}', 'Team ' || CAST(i AS TEXT), 'team ' || CAST(i AS TEXT), '', 'viewer', {now} FROM n"
        ),
        format!(
            "{members} INSERT INTO team_members (team_id, user_id, organization_id, created_at) \
             SELECT '{slug}-' || CAST(i % {count} AS TEXT), {person}, '{id}', {now} FROM n"
        ),
        format!(
            "{events} INSERT INTO audit_events (id, at, action, actor_kind, actor_id, through, address, agent, \
             organization_id, subject_id, subject_name, detail, search_key) \
             SELECT '{slug}-' || CAST(1000000 + i AS TEXT), {now}, 'team.changed', 'user', '{owner}', 'session', '', '', \
             '{id}', '{slug}-0', 'Team 0', '', 'team 0 ' FROM n"
        ),
    ]
}

/// A key of a member's, for everything that they may do.
fn key(tx: &mut Tx<'_>, size: &Size, number: usize, now: Timestamp) -> Result<PlainSecret> {
    let (id, secret) = (TokenId::new(), PlainSecret::generate("kst", SecretKind::ApiKey));
    let organization = id_of(size.slug);
    diesel::insert_into(tokens::table)
        .values((
            tokens::id.eq(&id),
            tokens::kind.eq(TokenKind::ApiKey),
            tokens::user_id.eq(format!("{}-{}", size.slug, number % size.members)),
            tokens::organization_id.eq(&organization),
            tokens::name.eq(format!("Key {number}")),
            tokens::name_key.eq(format!("key {number}")),
            tokens::description.eq(""),
            tokens::everything.eq(true),
            tokens::scopes.eq(""),
            tokens::created_at.eq(now.plus(-100 * DAY)),
        ))
        .execute(&mut **tx)?;
    stock::give(tx, &id, organization.as_str(), &secret, now)?;
    Ok(secret)
}
