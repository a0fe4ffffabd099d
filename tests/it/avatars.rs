//! Pictures of people and organizations.

use std::io::Cursor;

use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use keystead::auth::key::hex;
use keystead::catalogue::Role;

use crate::support::{Browser, Engine, Page, Request, Response, TestApp, on_both};

pub const RED: [u8; 3] = [200, 20, 20];
const BLUE: [u8; 3] = [20, 20, 200];
const OWN: &str = "/settings/profile/picture";
const ACME: &str = "/organizations/acme/picture";

/// A picture whose left half is red and whose right half is blue.
fn halves(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, _| Rgb(if x < width / 2 { RED } else { BLUE }));
    encoded(&picture.into(), format)
}

/// Of one colour.
pub fn plain(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    encoded(&RgbImage::from_pixel(width, height, Rgb(colour)).into(), ImageFormat::Png)
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// A PNG that says it has so many pixels, and has none.
fn claims(width: u32, height: u32) -> Vec<u8> {
    let mut png = plain(1, 1, RED);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(u32::MAX, |mut sum, byte| {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
        }
        sum
    }) ^ u32::MAX
}

/// A JPEG, lying on its side as a phone writes it, with what a phone writes beside it.
fn from_a_phone() -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01".to_vec();
    // Orientation: turn it clockwise.
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    exif.extend(b"GPSLatitude 59.3293 Ada's camera");
    let mut jpeg = halves(300, 200, ImageFormat::Jpeg);
    let length = u16::try_from(exif.len() + 2).unwrap();
    let mut chunk = vec![0xff, 0xe1];
    chunk.extend(length.to_be_bytes());
    chunk.extend(exif);
    jpeg.splice(2..2, chunk);
    jpeg
}

/// A WebP of two frames, the first red, the second blue.
fn animated() -> Vec<u8> {
    let chunk = |name: &[u8; 4], body: &[u8]| {
        let mut chunk = name.to_vec();
        chunk.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        chunk.extend_from_slice(body);
        if body.len() % 2 == 1 {
            chunk.push(0);
        }
        chunk
    };
    let frame = |colour: [u8; 3]| {
        let picture = RgbaImage::from_pixel(16, 16, Rgba([colour[0], colour[1], colour[2], 255]));
        let mut file = Vec::new();
        WebPEncoder::new_lossless(&mut file).encode(&picture, 16, 16, image::ExtendedColorType::Rgba8).unwrap();
        // Left, top, width less one, height less one, 100 ms; then the frame's own chunk.
        let mut body = [[0, 0, 0], [0, 0, 0], [15, 0, 0], [15, 0, 0], [100, 0, 0]].concat();
        body.push(0);
        body.extend_from_slice(&file[12..]);
        chunk(b"ANMF", &body)
    };
    let mut body = b"WEBP".to_vec();
    body.extend(chunk(b"VP8X", &[0x12, 0, 0, 0, 15, 0, 0, 15, 0, 0]));
    body.extend(chunk(b"ANIM", &[0, 0, 0, 0, 0, 0]));
    body.extend(frame(RED));
    body.extend(frame(BLUE));
    chunk(b"RIFF", &body)
}

fn fetch(browser: &mut Browser, path: &str) -> Response {
    browser.send(Request::get(path).header("Sec-Fetch-Site", "same-origin").header("Sec-Fetch-Dest", "image"))
}

/// A served picture's pixels.
#[track_caller]
fn pixels(browser: &mut Browser, path: &str) -> RgbImage {
    let answer = fetch(browser, path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/webp")), "{path}");
    let picture = image::load_from_memory_with_format(&answer.body, ImageFormat::WebP).unwrap();
    picture.into_rgb8()
}

#[track_caller]
fn is_like(pixel: Rgb<u8>, wanted: [u8; 3]) {
    let far = pixel.0.iter().zip(wanted).any(|(one, other)| one.abs_diff(other) > 40);
    assert!(!far, "{pixel:?} is not {wanted:?}");
}

/// The address of the picture that a page shows as it is now.
#[track_caller]
fn shown(page: &Page, css: &str) -> String {
    let found = page.attributes(css, "src");
    assert_eq!(found.len(), 1, "{css} on {}: {}", page.path, page.text());
    found[0].clone()
}

/// Covers: S0-30, S0-32, S0-33, S0-40, AC-082, AC-094
fn an_organization_has_a_picture(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut vera = app.member("acme", "vera@example.com", Role::Viewer);
    let mut eve = app.other("eve@example.com");
    let page = ada.open("/organizations/acme");
    assert_eq!(page.one("main .avatar.large").trim(), "A");
    assert!(page.attributes("main img", "src").is_empty());
    // Set.
    let form = ada.open(ACME).form(ACME);
    let saved = ada.upload(&form, &halves(600, 400, ImageFormat::Png)).expect_lead("/organizations/acme/settings");
    let page = ada.follow(&saved);
    assert_eq!(page.notice(), "The picture is saved.");
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("organization.changed", "picture"));
    let small = shown(&page, "main .avatar img");
    for path in ["/organizations", "/organizations/acme"] {
        assert_eq!(shown(&vera.open(path), "main .avatar.square img"), small, "{path}");
    }
    let header = ada.open("/settings/profile");
    let offered = header.attributes(".organization-menu .menu-panel img", "src");
    assert_eq!(offered, [small.as_str()], "it is worked in, and offered");
    assert_eq!(shown(&header, ".organization-menu > summary img"), small);
    let large = shown(&ada.open(ACME), "img.portrait");
    let (big, little) = (pixels(&mut vera, &large), pixels(&mut vera, &small));
    assert_eq!((big.dimensions(), little.dimensions()), ((512, 512), (128, 128)));
    is_like(*big.get_pixel(100, 256), RED);
    is_like(*big.get_pixel(400, 256), BLUE);
    // How it is served, and to whom.
    let answer = fetch(&mut vera, &small);
    assert_eq!(answer.header("cache-control"), Some("private, max-age=86400, immutable"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    assert!(answer.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(answer.header("content-encoding"), None);
    eve.get(&small).expect(404);
    eve.get(&large).expect(404);
    assert_eq!(fetch(&mut app.browser(), &small).status, 303);
    for bad in ["/avatars/x/128", "/avatars/../128", &small.replace("128", "64"), &small.replace("/128", "0/128")] {
        assert_eq!(fetch(&mut vera, bad).status, 404, "{bad}");
    }
    let elsewhere = Request::get(&small).header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Dest", "image");
    assert_eq!(vera.send(elsewhere).status, 403);
    // Replaced: the address is another, the old one is gone.
    let form = ada.open(ACME).form(ACME);
    ada.upload(&form, &plain(64, 64, BLUE)).expect(303);
    let newer = shown(&ada.open("/organizations/acme"), "main .avatar.large img");
    assert_ne!(newer, small);
    vera.get(&small).expect(404);
    is_like(*pixels(&mut vera, &newer).get_pixel(64, 64), BLUE);
    assert_eq!(app.count("avatars"), 1);
    // Removed, and once more.
    let removing = ada.open(ACME).form("/organizations/acme/picture/remove");
    let gone = ada.submit(&removing).expect_lead("/organizations/acme/settings");
    assert!(ada.follow(&gone).notice().starts_with("The picture is removed"));
    assert_eq!(app.last_logged().detail, "picture removed");
    vera.get(&newer).expect(404);
    assert_eq!(ada.open("/organizations/acme").one("main .avatar.large").trim(), "A");
    let counted = ["organizations", "users"];
    let before = app.dump_but(&counted);
    ada.submit(&removing).expect(303);
    app.is_still_but(&counted, &before);
    // With the organization it ends.
    ada.upload(&form, &plain(64, 64, RED)).expect(303);
    let ending = shown(&ada.open("/organizations/acme"), "main .avatar.large img");
    let delete = "/organizations/acme/delete";
    let form = ada.open(delete).form(delete).set("phrase", "ACME");
    ada.submit(&form).expect(303);
    assert_eq!(app.count("avatars"), 0);
    ada.get(&ending).expect(404);
}

/// Covers: S2-3, S2-5, AC-094
fn a_person_has_a_picture(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let mut bob = app.member("acme", "bob@example.com", Role::Member);
    let mut eve = app.other("eve@example.com");
    let profile = bob.open("/settings/profile");
    assert!(profile.links().contains(&OWN.to_owned()));
    assert!(profile.text().contains("Edit avatar"));
    let form = bob.open(OWN).form(OWN);
    let saved = bob.upload(&form, &plain(200, 300, RED)).expect_lead("/settings/profile");
    let page = bob.follow(&saved);
    let entry = app.last_logged();
    assert_eq!((entry.action.as_str(), entry.detail.as_str()), ("profile.changed", "picture"));
    let small = shown(&page, ".account-menu > summary img");
    is_like(*pixels(&mut bob, &small).get_pixel(5, 120), RED);
    // Who shares an organization sees it beside the name.
    let list = ada.open("/organizations/acme/members");
    assert_eq!(list.attributes("tbody .avatar img", "src"), [small.as_str()]);
    let member = format!("/organizations/acme/members/{}", app.user_id("bob@example.com"));
    assert_eq!(shown(&ada.open(&member), "main .avatar.large img"), small);
    assert_eq!(fetch(&mut ada, &small).status, 200);
    eve.get(&small).expect(404);
    app.sql("DELETE FROM members WHERE role = 'member'");
    ada.get(&small).expect(404);
    assert_eq!(fetch(&mut bob, &small).status, 200);
    // Nobody sets another's.
    let before = app.dump_but(&["attempts"]);
    let eves = eve.open(OWN).form(OWN).set("csrf", &form.value("csrf"));
    eve.upload(&eves, &plain(9, 9, BLUE)).expect(403);
    assert_eq!(app.dump_but(&["attempts"]), before);
    let removing = bob.open(OWN).form("/settings/profile/picture/remove");
    bob.submit(&removing).expect_lead("/settings/profile");
    assert!(bob.open("/settings/profile").attributes(".account-menu img", "src").is_empty());
    let form = bob.open(OWN).form(OWN);
    bob.upload(&form, &plain(9, 9, BLUE)).expect(303);
    assert_eq!(app.count("avatars"), 1);
    app.sql("DELETE FROM users WHERE email = 'bob@example.com'");
    assert_eq!(app.count("avatars"), 0);
}

/// Whatever its name and its stated kind say.
/// Covers: AC-091, AC-092
fn what_is_no_picture_is_refused(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open(OWN).form(OWN);
    let png = halves(300, 200, ImageFormat::Png);
    let webp = halves(300, 200, ImageFormat::WebP);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>".to_vec();
    let gif = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;".to_vec();
    let before = app.dump_but(&["attempts"]);
    for (what, file, says) in [
        ("nothing", Vec::new(), "Choose a picture"),
        ("text", b"<html><script>alert(1)</script>".to_vec(), "Choose a PNG, JPEG or WebP picture"),
        ("a drawing", svg, "Choose a PNG, JPEG or WebP picture"),
        ("another kind", gif, "Choose a PNG, JPEG or WebP picture"),
        ("a document", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3".to_vec(), "Choose a PNG, JPEG or WebP picture"),
        ("something packed", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), "Choose a PNG, JPEG or WebP picture"),
        ("half a PNG", png[..png.len() / 2].to_vec(), "This picture cannot be read"),
        ("half a WebP", webp[..webp.len() / 2].to_vec(), "This picture cannot be read"),
        ("a beginning", png[..12].to_vec(), "This picture cannot be read"),
        ("a JPEG's beginning", halves(64, 64, ImageFormat::Jpeg)[..30].to_vec(), "This picture cannot be read"),
        ("too many bytes", [png.clone(), vec![0; 2 * 1024 * 1024]].concat(), "This file is larger than 2 MiB"),
        ("far too many", vec![b'x'; 9 * 1024 * 1024], "This file is larger than 2 MiB"),
    ] {
        let page = ada.upload(&form, &file).expect(422);
        assert!(page.error_at("picture").starts_with(says), "{what}: {}", page.error_at("picture"));
        assert_eq!(page.errors(), ["picture"], "{what}");
    }
    assert_eq!(app.dump_but(&["attempts"]), before);
    // What the file is called is nobody's business.
    let odd = Request::post(OWN).multipart(&form.pairs(), "picture", b"x");
    let body = String::from_utf8(odd.body).unwrap().replace("me.png", "../../../x%00.exe");
    let odd = Request::post(OWN).body(&odd.headers[0].1, body.into_bytes()).header("Sec-Fetch-Site", "same-origin");
    assert_eq!(ada.send(odd).status, 422);
    // Without a file the form may come as any other.
    assert_eq!(ada.submit(&form).expect(422).error_at("picture"), "Choose a picture");
    // Its token counts as everywhere.
    ada.upload(&form.clone().without("csrf"), &png).expect(403);
    ada.upload(&form.clone().set("csrf", "x"), &png).expect(403);
    let whole = Request::post(OWN).multipart(&form.pairs(), "picture", &png);
    let (kind, body) = (whole.headers[0].1.clone(), whole.body);
    let post = |kind: &str, body: &[u8]| Request::post(OWN).body(kind, body.to_vec());
    assert_eq!(ada.send(post(&kind, &body).header("Sec-Fetch-Site", "cross-site")).status, 403);
    for (kind, body) in [
        ("multipart/form-data", &body[..]),
        (&kind, &body[..body.len() / 2]),
        (&kind, b"--".as_slice()),
        ("multipart/mixed; boundary=x", &body),
        ("application/json", b"{}"),
    ] {
        let answer = ada.send(post(kind, body).header("Sec-Fetch-Site", "same-origin"));
        assert_eq!(answer.status, 400, "{kind}, {} bytes", body.len());
    }
    let announced = post(&kind, b"x").header("Content-Length", "99999999999");
    assert_eq!(ada.send(announced.header("Sec-Fetch-Site", "same-origin")).status, 413);
    assert_eq!(app.dump_but(&["attempts"]), before);
}

/// Few bytes, many pixels: refused from the header alone, or scaled without taking more than it should.
/// Covers: AC-092
fn a_small_file_is_no_bomb(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open(OWN).form(OWN);
    let mut jpeg = halves(64, 64, ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let deep = DynamicImage::new_rgba16(4096, 2100);
    for (what, file) in [
        ("a huge PNG", claims(65_535, 65_535)),
        ("as large as can be", claims(0x7fff_ffff, 0x7fff_ffff)),
        ("a line too wide", plain(4097, 1, RED)),
        ("a line too high", plain(1, 4097, RED)),
        ("a huge JPEG", jpeg),
        ("deep colours", encoded(&deep, ImageFormat::Png)),
    ] {
        let page = ada.upload(&form, &file).expect(422);
        // A header that no picture could have is simply broken.
        let says = if what == "as large as can be" { "This picture" } else { "4096 pixels" };
        assert!(page.error_at("picture").contains(says), "{what}: {}", page.error_at("picture"));
    }
    assert_eq!(app.count("avatars"), 0);
    // What is just allowed: the longest side, and a strip that would grow to gigabytes if it were scaled whole.
    let largest = plain(4096, 600, RED);
    assert!(largest.len() < 2 * 1024 * 1024);
    for file in [largest, plain(4096, 1, RED), plain(1, 1, RED)] {
        let saved = ada.upload(&form, &file).expect(303);
        let small = shown(&ada.follow(&saved), ".account-menu > summary img");
        is_like(*pixels(&mut ada, &small).get_pixel(64, 64), RED);
    }
    assert_eq!(app.count("avatars"), 1);
}

/// Drawn anew, upright, of its first frame, without what stood beside the pixels.
/// Covers: AC-091
fn only_the_pixels_are_kept(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open(OWN).form(OWN);
    // Bytes behind the picture's end, which some would take for a page.
    let polyglot = [plain(30, 30, RED), b"<html><script>alert(1)</script>".to_vec()].concat();
    ada.upload(&form, &polyglot).expect(303);
    let large = shown(&ada.open(OWN), "img.portrait");
    assert!(!fetch(&mut ada, &large).body.windows(7).any(|part| part == b"<script"));
    let photo = from_a_phone();
    assert!(photo.windows(3).any(|part| part == b"GPS"));
    ada.upload(&form, &photo).expect(303);
    let large = shown(&ada.open(OWN), "img.portrait");
    let served = fetch(&mut ada, &large).body;
    for trace in [b"GPS".as_slice(), b"Exif", b"EXIF", b"camera"] {
        assert!(!served.windows(trace.len()).any(|part| part == trace), "{trace:?}");
    }
    let upright = pixels(&mut ada, &large);
    is_like(*upright.get_pixel(256, 100), RED);
    is_like(*upright.get_pixel(256, 400), BLUE);
    // The bytes in the database are those that are served, and no others.
    // A dump writes bytes in hexadecimal, the one database in capitals and the other in small letters.
    let kept = app.dump().to_ascii_lowercase();
    assert!(kept.contains(&hex(&served)) && !kept.contains(&hex(b"GPSLatitude")));
    ada.upload(&form, &animated()).expect(303);
    let large = shown(&ada.open(OWN), "img.portrait");
    is_like(*pixels(&mut ada, &large).get_pixel(256, 256), RED);
    let served = fetch(&mut ada, &large).body;
    assert!(!served.windows(4).any(|part| part == b"ANMF"), "one frame alone");
    // Transparency stays.
    let glass = RgbaImage::from_pixel(40, 40, Rgba([9, 9, 9, 0]));
    ada.upload(&form, &encoded(&glass.into(), ImageFormat::Png)).expect(303);
    let large = shown(&ada.open(OWN), "img.portrait");
    let clear = image::load_from_memory(&fetch(&mut ada, &large).body).unwrap().into_rgba8();
    assert_eq!(clear.get_pixel(256, 256).0[3], 0);
}

/// Ten an hour, wherever they are for.
fn pictures_are_counted(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    ada.make_organization("acme");
    let (own, theirs) = (ada.open(OWN).form(OWN), ada.open(ACME).form(ACME));
    for round in 0..10 {
        let page = if round % 2 == 0 { ada.upload(&own, b"nonsense") } else { ada.upload(&theirs, b"nonsense") };
        assert!(page.expect(422).error_at("picture").starts_with("Choose a PNG"), "{round}");
    }
    let good = plain(9, 9, RED);
    for form in [&own, &theirs] {
        let page = ada.upload(form, &good).expect(422);
        assert!(page.error_at("picture").starts_with("You have sent many pictures"), "{}", page.error_at("picture"));
    }
    // A new organization waits for its picture, and keeps what was typed.
    let form = ada.open("/organizations/new").form("/organizations/new").set("name", "Beta");
    let page = ada.upload(&form, &good).expect(422);
    assert_eq!(page.form("/organizations/new").value("name"), "Beta");
    assert_eq!(app.count("organizations WHERE kind = 'shared'"), 1);
    let mut bob = app.other("bob@example.com");
    let form = bob.open(OWN).form(OWN);
    bob.upload(&form, &good).expect(303);
    app.advance(3601);
    ada.upload(&own, &good).expect(303);
}

fn an_organization_is_made_with_a_picture(engine: Engine) {
    let app = TestApp::start(engine);
    let mut ada = app.set_up();
    let form = ada.open("/organizations/new").form("/organizations/new").set("name", "Acme Robotics");
    let page = ada.upload(&form, b"GIF89a").expect(422);
    assert_eq!(page.errors(), ["picture"]);
    assert_eq!(page.form("/organizations/new").value("name"), "Acme Robotics");
    assert_eq!(app.count("organizations WHERE kind = 'shared'"), 0);
    let made = ada.upload(&form, &plain(30, 30, BLUE)).expect_lead("/organizations/acme-robotics");
    let small = shown(&ada.follow(&made), "main .avatar.large img");
    is_like(*pixels(&mut ada, &small).get_pixel(64, 64), BLUE);
    // One whose address is taken makes neither.
    let again = form.clone().set("slug", "acme-robotics");
    assert_eq!(ada.upload(&again, &plain(30, 30, RED)).expect(422).errors(), ["slug"]);
    assert_eq!(app.count("avatars"), 1);
    // A picture without one is made, too; and a form for another organization is refused.
    ada.upload(&form.set("slug", "beta"), &[]).expect(303);
    let ours = ada.open("/organizations/beta/picture").form("/organizations/beta/picture");
    let acme = app.organization_id("acme-robotics");
    ada.upload(&ours.clone().set("made_for", &acme), &plain(9, 9, RED)).expect(403);
    ada.upload(&ours.without("made_for"), &plain(9, 9, RED)).expect(403);
    assert_eq!(app.count("avatars"), 1);
}

on_both!(
    an_organization_has_a_picture,
    a_person_has_a_picture,
    what_is_no_picture_is_refused,
    a_small_file_is_no_bomb,
    only_the_pixels_are_kept,
    pictures_are_counted,
    an_organization_is_made_with_a_picture,
);
