//! Pages as a person reads them, and forms as a browser sends them.

use std::ops::Deref;

use scraper::{ElementRef, Html, Selector};

use super::http::Response;

/// A page that was fetched, and from where.
#[derive(Debug, Clone)]
pub struct Page {
    pub path: String,
    response: Response,
}

impl Deref for Page {
    type Target = Response;

    fn deref(&self) -> &Response {
        &self.response
    }
}

fn selector(css: &str) -> Selector {
    Selector::parse(css).unwrap_or_else(|_| panic!("{css} is no selector"))
}

/// The words of an element, each run of spaces one space.
fn words(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Page {
    pub fn new(path: &str, response: Response) -> Self {
        Self { path: path.to_owned(), response }
    }

    fn document(&self) -> Html {
        Html::parse_document(&self.response.text())
    }

    /// Fails unless the answer has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {} {}", self.path, self.location(), self.text());
        self
    }

    /// Fails unless the answer leads to this address.
    #[track_caller]
    pub fn expect_lead(self, to: &str) -> Self {
        assert_eq!((self.status, self.location()), (303, to), "{}: {}", self.path, self.text());
        self
    }

    /// The words of every element that a selector finds.
    pub fn texts(&self, css: &str) -> Vec<String> {
        self.document().select(&selector(css)).map(words).collect()
    }

    /// The words of the one element that a selector finds.
    #[track_caller]
    pub fn one(&self, css: &str) -> String {
        let mut all = self.texts(css);
        assert_eq!(all.len(), 1, "{css} on {}: {all:?} in {}", self.path, self.text());
        all.remove(0)
    }

    /// An attribute of every element that a selector finds.
    pub fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let value = |element: ElementRef<'_>| element.value().attr(name).map(str::to_owned);
        self.document().select(&selector(css)).filter_map(value).collect()
    }

    /// Where the links lead.
    pub fn links(&self) -> Vec<String> {
        self.attributes("a[href]", "href")
    }

    /// What was just done, in the page's words.
    #[track_caller]
    pub fn notice(&self) -> String {
        self.one("main [data-notice]")
    }

    /// What is wrong with a field.
    #[track_caller]
    pub fn error_at(&self, field: &str) -> String {
        self.one(&format!("#{field}-error"))
    }

    /// The fields that have something wrong with them, as the summary on top lists them.
    pub fn errors(&self) -> Vec<String> {
        let mut fields: Vec<String> =
            self.attributes(".summary a", "href").iter().map(|href| href.trim_start_matches('#').to_owned()).collect();
        fields.dedup();
        fields
    }

    /// Of several forms that send to this address, the one with a field.
    #[track_caller]
    pub fn form_with(&self, action: &str, field: &str) -> Form {
        let document = self.document();
        document
            .select(&selector("form"))
            .map(Form::read)
            .find(|form| form.action == action && form.controls.iter().any(|control| control.name == field))
            .unwrap_or_else(|| panic!("no form to {action} with {field} on {}: {}", self.path, self.text()))
    }

    /// The form whose hidden field has this value, where one page has several that send to one address.
    #[track_caller]
    pub fn form_saying(&self, action: &str, name: &str, value: &str) -> Form {
        let document = self.document();
        let forms = selector("form");
        let mut all = document.select(&forms).map(Form::read).filter(|form| form.action == action);
        all.find(|form| form.pairs().contains(&(name.to_owned(), value.to_owned())))
            .unwrap_or_else(|| panic!("no form to {action} that says {name}={value}: {}", self.text()))
    }

    /// The form that sends to this address.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let document = self.document();
        // A form that asks changes nothing, and carries nothing that must not stand in an address.
        assert!(document.select(&selector("form[method=get] [name=csrf]")).next().is_none(), "{}", self.path);
        let all: Vec<Form> = document.select(&selector("form:not([method=get])")).map(Form::read).collect();
        let mut found = all.iter().filter(|form| form.action == action);
        match (found.next(), found.next()) {
            (Some(form), None) => form.clone(),
            _ => panic!(
                "no single form to {action} on {}, but {:?}: {}",
                self.path,
                all.iter().map(|form| &form.action).collect::<Vec<_>>(),
                self.text()
            ),
        }
    }
}

impl Page {
    /// Of several forms that send to this address, the one in which a field has this value.
    #[track_caller]
    pub fn form_where(&self, action: &str, name: &str, value: &str) -> Form {
        let document = self.document();
        let posting = selector("form:not([method=get])");
        let mut all = document.select(&posting).map(Form::read);
        all.find(|form| form.action == action && form.values(name).iter().any(|known| known == value))
            .unwrap_or_else(|| panic!("no form to {action} with {name}={value} on {}", self.path))
    }
}

/// A control of a form.
#[derive(Debug, Clone)]
struct Control {
    name: String,
    kind: String,
    value: String,
    on: bool,
}

/// A form that stood in a page, filled in as the page had it.
#[derive(Debug, Clone)]
pub struct Form {
    pub action: String,
    controls: Vec<Control>,
}

/// What a browser has chosen in a list: what is marked, else the first.
fn chosen(list: ElementRef<'_>) -> String {
    let value = |css: &str| list.select(&selector(css)).next().and_then(|option| option.value().attr("value"));
    value("option[selected]").or_else(|| value("option")).unwrap_or_default().to_owned()
}

impl Form {
    fn read(form: ElementRef<'_>) -> Self {
        assert_eq!(form.value().attr("method"), Some("post"), "every form but a search posts");
        let controls = form
            .select(&selector("input[name], select[name], textarea[name], button[name]"))
            .map(|element| {
                let attribute = |name: &str| element.value().attr(name).unwrap_or_default().to_owned();
                let kind = if element.value().name() == "input" {
                    attribute("type")
                } else {
                    element.value().name().to_owned()
                };
                let choice = matches!(kind.as_str(), "checkbox" | "radio");
                Control {
                    name: attribute("name"),
                    value: if kind == "select" { chosen(element) } else { attribute("value") },
                    // A button is sent by being pressed alone.
                    on: kind != "button" && (!choice || element.value().attr("checked").is_some()),
                    kind,
                }
            })
            .collect();
        Self { action: form.value().attr("action").unwrap_or_default().to_owned(), controls }
    }

    fn is_choice(control: &Control) -> bool {
        matches!(control.kind.as_str(), "checkbox" | "radio")
    }

    /// Types into a field, or chooses a radio button. A field or choice that the page does not offer fails the test.
    #[track_caller]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let radio = self.controls.iter().any(|control| control.name == name && control.kind == "radio");
        if radio {
            let offered = self.controls.iter().any(|control| control.name == name && control.value == value);
            assert!(offered, "{name} does not offer {value}: {:?}", self.controls);
        }
        let mut found = false;
        for control in self.controls.iter_mut().filter(|control| control.name == name) {
            found = true;
            if radio {
                control.on = control.value == value;
            } else {
                assert!(!Self::is_choice(control), "{name} is ticked, not typed into");
                value.clone_into(&mut control.value);
            }
        }
        assert!(found, "no field {name} in the form to {}: {:?}", self.action, self.controls);
        self
    }

    /// Ticks a box.
    #[track_caller]
    pub fn tick(mut self, name: &str, value: &str) -> Self {
        let this =
            |control: &&mut Control| control.kind == "checkbox" && control.name == name && control.value == value;
        match self.controls.iter_mut().find(this) {
            Some(control) => control.on = true,
            None => panic!("no box {name}={value} in the form to {}", self.action),
        }
        self
    }

    /// Presses one of several buttons.
    #[track_caller]
    pub fn press(mut self, name: &str, value: &str) -> Self {
        let this = |control: &&mut Control| control.kind == "button" && control.name == name && control.value == value;
        match self.controls.iter_mut().find(this) {
            Some(button) => button.on = true,
            None => panic!("no button {name}={value} in the form to {}", self.action),
        }
        self
    }

    /// Adds what the page has no control for: what an attacker would send.
    pub fn smuggle(mut self, name: &str, value: &str) -> Self {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.controls.push(Control { name, kind: "hidden".to_owned(), value, on: true });
        self
    }

    /// Leaves a field out.
    #[track_caller]
    pub fn without(mut self, name: &str) -> Self {
        let before = self.controls.len();
        self.controls.retain(|control| control.name != name);
        assert!(self.controls.len() < before, "no field {name} in the form to {}", self.action);
        self
    }

    /// What stands in a field, or is chosen.
    #[track_caller]
    pub fn value(&self, name: &str) -> String {
        let mut on = self.controls.iter().filter(|control| control.name == name && control.on);
        on.next().unwrap_or_else(|| panic!("nothing in {name}: {:?}", self.controls)).value.clone()
    }

    /// Every value that is on: typed, chosen or ticked.
    pub fn values(&self, name: &str) -> Vec<String> {
        let on = self.controls.iter().filter(|control| control.name == name && control.on);
        on.map(|control| control.value.clone()).collect()
    }

    /// Every choice that there is.
    pub fn choices(&self, name: &str) -> Vec<String> {
        self.controls.iter().filter(|control| control.name == name).map(|control| control.value.clone()).collect()
    }

    /// What a browser sends.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.controls
            .iter()
            .filter(|control| control.on)
            .map(|control| (control.name.clone(), control.value.clone()))
            .collect()
    }
}
