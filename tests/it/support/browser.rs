//! A browser without scripts: keeps cookies, follows nothing by itself, and sends the form that it found in the page.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::http::{Connection, Request, Response};
use super::page::{Form, Page};

/// What every test's people type.
pub const PASSWORD: &str = "purple-Tin-roof-77";

#[derive(Debug, Clone)]
pub struct Browser {
    address: SocketAddr,
    host: String,
    origin: String,
    pub cookies: BTreeMap<String, String>,
    /// Sent with every request, beside what a browser sends.
    pub extra: Vec<(String, String)>,
}

impl Browser {
    pub fn new(address: SocketAddr, host: &str, origin: &str) -> Self {
        let (host, origin) = (host.to_owned(), origin.to_owned());
        Self { address, host, origin, cookies: BTreeMap::new(), extra: Vec::new() }
    }

    /// The same browser at another instance.
    pub fn at(&self, app: &super::TestApp) -> Self {
        Self { address: app.address, ..self.clone() }
    }

    /// The same browser, adding a header to every request.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The value of the session's cookie, whatever it is called here.
    #[track_caller]
    pub fn session(&self) -> String {
        let (_, value) =
            self.cookies.iter().find(|(name, _)| name.ends_with("keystead_session")).expect("a session's cookie");
        value.clone()
    }

    /// Sends a request with the cookies and the headers of a browser; takes the cookies of the answer.
    #[track_caller]
    pub fn send(&mut self, mut request: Request) -> Response {
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("Cookie", &cookies.join("; "));
        }
        for (name, value) in [
            ("User-Agent", "Firefox on a test's desk"),
            ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ] {
            if !request.headers.iter().chain(&self.extra).any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                request = request.header(name, value);
            }
        }
        for (name, value) in &self.extra {
            request = request.header(name, value);
        }
        let response = Connection::open(self.address, &self.host).send(&request).expect("an answer");
        for line in response.all("set-cookie") {
            let mut parts = line.split(';').map(str::trim);
            let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie is name=value");
            let over = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            if over || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    /// Fetches a page, whatever comes.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Page {
        let request = Request::get(path).header("Sec-Fetch-Site", "none").header("Sec-Fetch-Mode", "navigate");
        Page::new(path, self.send(request))
    }

    /// Fetches a page that must be there.
    #[track_caller]
    pub fn open(&mut self, path: &str) -> Page {
        self.get(path).expect(200)
    }

    /// The request that sending a form makes.
    pub fn request(&self, form: &Form) -> Request {
        Request::post(&form.action)
            .form(&form.pairs())
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Origin", &self.origin)
    }

    /// Sends a form.
    #[track_caller]
    pub fn submit(&mut self, form: &Form) -> Page {
        let request = self.request(form);
        Page::new(&form.action, self.send(request))
    }

    /// Sends a form with a chosen picture.
    #[track_caller]
    pub fn upload(&mut self, form: &Form, file: &[u8]) -> Page {
        let request = Request::post(&form.action)
            .multipart(&form.pairs(), "picture", file)
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Origin", &self.origin);
        Page::new(&form.action, self.send(request))
    }

    /// What stands in the hidden field of every form of this session.
    #[track_caller]
    pub fn form_token(&mut self) -> String {
        self.open("/settings/profile").form("/settings/profile").value("csrf")
    }

    /// The call that a script on one of our pages makes.
    #[track_caller]
    pub fn request_to(&mut self, method: &str, path: &str) -> Request {
        let request = Request::new(method, path).header("Accept", "*/*").header("Sec-Fetch-Site", "same-origin");
        if method == "GET" { request } else { request.header("X-CSRF-Token", &self.form_token()) }
    }

    /// Makes a call, without a body where `body` is `null`.
    #[track_caller]
    pub fn call(&mut self, method: &str, path: &str, body: &serde_json::Value) -> Response {
        let request = self.request_to(method, path);
        self.send(if body.is_null() { request } else { request.json(body) })
    }

    /// Sends a form the way the pages' script does.
    #[track_caller]
    pub fn submit_by_script(&mut self, form: &Form) -> Response {
        let request = self.request(form).header("Accept", "application/json");
        self.send(request)
    }

    /// Opens the page that an answer leads to.
    #[track_caller]
    pub fn follow(&mut self, page: &Page) -> Page {
        assert_eq!(page.status, 303, "{}: {}", page.path, page.text());
        let to = page.location().to_owned();
        self.open(&to)
    }

    /// Signs in through the form; says what came.
    #[track_caller]
    pub fn try_sign_in(&mut self, email: &str, password: &str) -> Page {
        let form = self.open("/login").form("/login").set("email", email).set("password", password);
        self.submit(&form)
    }

    /// Signs in through the form, which must work.
    #[track_caller]
    pub fn sign_in(&mut self, email: &str, password: &str) {
        self.try_sign_in(email, password).expect_lead("/settings/profile");
    }

    /// Asks for an account through the form; says what came.
    #[track_caller]
    pub fn sign_up(&mut self, email: &str, password: &str) -> Page {
        let form = self.open("/signup").form("/signup").set("first_name", "Bob").set("last_name", "Babbage");
        self.submit(&form.set("email", email).set("password", password).set("confirm", password))
    }

    /// Asks for a link to a new password; says what came.
    #[track_caller]
    pub fn forget(&mut self, email: &str) -> Page {
        let form = self.open("/password/forgot").form("/password/forgot").set("email", email);
        self.submit(&form)
    }

    /// Invites somebody; where their link leads, below the base URL.
    #[track_caller]
    pub fn invite(&mut self, email: &str) -> String {
        let form = self.open("/admin/invitations").form("/admin/invitations").set("email", email);
        let link = self.submit(&form).expect(200).one("#link");
        link.strip_prefix(&self.origin).expect("a link of this instance").to_owned()
    }

    /// Asks for another e-mail address; says what came.
    #[track_caller]
    pub fn change_email(&mut self, email: &str) -> Page {
        let form = self.open("/settings/profile/email").form("/settings/profile/email").set("new_email", email);
        self.submit(&form)
    }

    /// Makes a link that helps somebody back in; where it leads, below the base URL.
    #[track_caller]
    pub fn help_back_in(&mut self, email: &str, what: &str) -> String {
        let form = self.open("/admin/recovery").form("/admin/recovery").set("email", email).set("what", what);
        let link = self.submit(&form).expect(200).one("#link");
        link.strip_prefix(&self.origin).expect("a link of this instance").to_owned()
    }

    /// Presses the menu's "Logout".
    #[track_caller]
    pub fn sign_out(&mut self) -> Page {
        let form = self.open("/settings/profile").form("/logout");
        self.submit(&form)
    }

    /// Answers "Confirm it is you", and says where that leads.
    #[track_caller]
    pub fn confirm(&mut self, password: &str, next: &str) -> Page {
        let form = self.open(&urls(next)).form("/step-up").set("password", password);
        self.submit(&form)
    }

    /// The same with a second factor.
    #[track_caller]
    pub fn confirm_with(&mut self, password: &str, code: &str, next: &str) -> Page {
        let form = self.open(&urls(next)).form("/step-up").set("password", password).set("code", code);
        self.submit(&form).expect_lead(next)
    }

    /// The form for a new token, with a name and one right.
    #[track_caller]
    pub fn token_form(&mut self, name: &str, scopes: &[&str]) -> Form {
        let form = self.open("/settings/tokens/new").form("/settings/tokens/new").set("name", name);
        scopes.iter().fold(form, |form, scope| form.tick("scope", scope))
    }

    /// Makes a token; gives its id and its secret.
    #[track_caller]
    pub fn create_token(&mut self, name: &str, scopes: &[&str]) -> (String, String) {
        let form = self.token_form(name, scopes);
        let page = self.submit(&form).expect(200);
        read_issued(&page)
    }

    /// Makes a verifier; gives its credential.
    #[track_caller]
    pub fn make_verifier(&mut self, name: &str) -> String {
        let form = self.open("/admin/verifiers").form("/admin/verifiers").set("name", name);
        self.submit(&form).expect(200).one("#secret")
    }

    /// Makes an organization, and works in it.
    #[track_caller]
    pub fn make_organization(&mut self, slug: &str) {
        let form = self.open("/organizations/new").form("/organizations/new").set("name", &slug.to_uppercase());
        self.submit(&form.set("slug", slug)).expect_lead(&format!("/organizations/{slug}"));
    }

    /// Works in an organization from now on.
    #[track_caller]
    pub fn work_in(&mut self, slug: &str) {
        let action = format!("/organizations/{slug}/switch");
        let form = self.open("/settings/profile").form(&action);
        self.submit(&form).expect_lead(&format!("/organizations/{slug}"));
    }

    /// The form for a new key of the organization that one works in.
    #[track_caller]
    pub fn key_form(&mut self, description: &str) -> Form {
        let form = self.open("/settings/api-keys/new").form("/settings/api-keys/new");
        form.set("description", description)
    }

    /// Makes a key, narrowed to some scopes if there are any; gives its id and its secret.
    #[track_caller]
    pub fn create_key(&mut self, description: &str, scopes: &[&str]) -> (String, String) {
        let mut form = self.key_form(description);
        if !scopes.is_empty() {
            form = form.set("access", "selected");
        }
        let form = scopes.iter().fold(form, |form, scope| form.tick("scope", scope));
        read_issued(&self.submit(&form).expect(200))
    }

    /// Makes a service account; gives its id.
    #[track_caller]
    pub fn make_service_account(&mut self, slug: &str, name: &str, role: &str) -> String {
        let path = format!("/organizations/{slug}/service-accounts/new");
        let form = self.open(&path).form(&path).set("name", name).without("role").smuggle("role", role);
        let made = self.submit(&form).expect(303);
        made.location().rsplit('/').next().unwrap().to_owned()
    }

    /// The form for a new token of a service account's.
    #[track_caller]
    pub fn service_token_form(&mut self, slug: &str, account: &str, name: &str, scopes: &[&str]) -> Form {
        let path = format!("/organizations/{slug}/service-accounts/{account}/tokens/new");
        let form = self.open(&path).form(&path).set("name", name);
        let form = if scopes.is_empty() { form.set("access", "everything") } else { form };
        scopes.iter().fold(form, |form, scope| form.tick("scope", scope))
    }

    /// Makes a token of a service account's, for everything if no scopes are named; gives its id and its secret.
    #[track_caller]
    pub fn create_service_token(&mut self, slug: &str, account: &str, name: &str, scopes: &[&str]) -> (String, String) {
        let form = self.service_token_form(slug, account, name, scopes);
        read_issued(&self.submit(&form).expect(200))
    }

    /// Makes a role of an organization's own; gives its id.
    #[track_caller]
    pub fn make_role(&mut self, slug: &str, name: &str, rights: &[&str]) -> String {
        let path = format!("/organizations/{slug}/roles/new");
        let form = self.open(&path).form(&path).set("name", name);
        let form = rights
            .iter()
            .fold(form, |form, right| form.tick(if right.starts_with("org.") { "right" } else { "scope" }, right));
        self.submit(&form).expect_lead(&format!("/organizations/{slug}/roles"));
        let page = self.open(&format!("/organizations/{slug}/roles"));
        let named = page.attributes("main tbody a", "href").into_iter().zip(page.texts("main tbody a"));
        let (link, _) = named.into_iter().find(|(_, text)| text == name).expect("the new role is listed");
        link.rsplit('/').next().unwrap().to_owned()
    }

    /// Makes a team with a role's word, or none; gives its id.
    #[track_caller]
    pub fn make_team(&mut self, slug: &str, name: &str, role: &str) -> String {
        let path = format!("/organizations/{slug}/teams/new");
        let form = self.open(&path).form(&path).set("name", name).set("role", role);
        let made = self.submit(&form).expect(303);
        made.location().rsplit('/').next().unwrap().to_owned()
    }

    /// Invites somebody to an organization; gives the path of the link that is shown.
    #[track_caller]
    pub fn invite_to(&mut self, slug: &str, email: &str, role: &str) -> String {
        let path = format!("/organizations/{slug}/invitations/new");
        let form = self.open(&path).form(&path).set("email", email).set("role", role);
        let link = self.submit(&form).expect(200).one("#link");
        link[link.find("/invitations/").unwrap()..].to_owned()
    }

    /// Revokes a token through its page.
    #[track_caller]
    pub fn revoke_token(&mut self, id: &str) -> Page {
        let path = format!("/settings/tokens/{id}/revoke");
        let form = self.open(&path).form(&path);
        self.submit(&form).expect_lead(&format!("/settings/tokens/{id}"))
    }
}

fn urls(next: &str) -> String {
    keystead::urls::step_up_returning(next)
}

/// The id and the secret of a token on the page that shows it once.
#[track_caller]
pub fn read_issued(page: &Page) -> (String, String) {
    let action = page.attributes("form[action$=\"/file\"]", "action").pop().expect("the form for the token file");
    let id = action.trim_end_matches("/file").rsplit('/').next().unwrap().to_owned();
    (id, page.one("#secret"))
}
