//! From what somebody sent to two small squares. Pure but for [`Maker`], which says how many are made at once.
//!
//! What is sent is as large as its header says, whatever its size in bytes, so the header is judged before anything is
//! decoded. What is kept is drawn anew: nothing that stood beside the pixels (place, camera, name) comes along.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use tokio::sync::Semaphore;

use crate::error::{Error, Result};

/// The longest side, in pixels: sixteen megapixels are a square of it.
pub const LONGEST_SIDE: u32 = 4096;
/// What a decoder may take, in bytes.
const MEMORY: u64 = 64 * 1024 * 1024;
/// How many are made at the same time, by a process.
const AT_ONCE: usize = 2;
/// How long somebody waits for their turn, and then for their picture.
const PATIENCE: Duration = Duration::from_secs(10);

/// How large a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 512 pixels: where it is looked at.
    Large,
    /// 128 pixels: beside a name.
    Small,
}

impl Size {
    fn side(self) -> u32 {
        match self {
            Self::Large => 512,
            Self::Small => 128,
        }
    }

    /// Its word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Large => "512",
            Self::Small => "128",
        }
    }

    /// The size with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Large, Self::Small].into_iter().find(|size| size.word() == word)
    }
}

/// A picture, ready to be served as WebP.
#[derive(Debug, Clone)]
pub struct Picture {
    /// [`Size::Large`].
    pub large: Vec<u8>,
    /// [`Size::Small`].
    pub small: Vec<u8>,
}

/// Why something is no picture for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another kind of file, whatever its name says.
    Kind,
    /// Too many pixels.
    Pixels,
    /// Broken, or not all of it.
    Broken,
}

impl Refusal {
    /// For people.
    pub fn words(self) -> String {
        match self {
            Self::Kind => "Choose a PNG, JPEG or WebP picture".to_owned(),
            Self::Pixels => {
                format!(
                    "This picture is too large: {LONGEST_SIDE} pixels a side are the most. Make it smaller and choose it again"
                )
            }
            Self::Broken => "This picture cannot be read. Choose another one, or save it anew first".to_owned(),
        }
    }
}

impl From<ImageError> for Refusal {
    fn from(error: ImageError) -> Self {
        if matches!(error, ImageError::Limits(_)) { Self::Pixels } else { Self::Broken }
    }
}

impl Picture {
    /// The first frame of what was sent: its middle, upright, without anything else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(sent: &[u8]) -> std::result::Result<Self, Refusal> {
        let format = image::guess_format(sent).map_err(|_| Refusal::Kind)?;
        if !matches!(format, ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP) {
            return Err(Refusal::Kind);
        }
        let mut reader = ImageReader::with_format(Cursor::new(sent), format);
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_SIDE), Some(LONGEST_SIDE));
        limits.max_alloc = Some(MEMORY);
        reader.limits(limits);
        let mut decoder = reader.into_decoder()?;
        if decoder.total_bytes() > MEMORY {
            return Err(Refusal::Pixels);
        }
        let orientation = decoder.orientation()?;
        let whole = DynamicImage::from_decoder(decoder)?;
        // The middle first: a strip of 4096 by 1 would grow to gigabytes if it were scaled whole.
        let side = whole.width().min(whole.height());
        let (left, top) = ((whole.width() - side) / 2, (whole.height() - side) / 2);
        let mut large = scaled(&whole.crop_imm(left, top, side, side), Size::Large);
        drop(whole);
        large.apply_orientation(orientation);
        let small = scaled(&large, Size::Small);
        Ok(Self { large: encoded(&large)?, small: encoded(&small)? })
    }
}

fn scaled(square: &DynamicImage, size: Size) -> DynamicImage {
    let scaled = square.resize_exact(size.side(), size.side(), FilterType::CatmullRom);
    if scaled.color().has_alpha() { scaled.into_rgba8().into() } else { scaled.into_rgb8().into() }
}

fn encoded(square: &DynamicImage) -> std::result::Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    let colour = if square.color().has_alpha() { ExtendedColorType::Rgba8 } else { ExtendedColorType::Rgb8 };
    WebPEncoder::new_lossless(&mut out).encode(square.as_bytes(), square.width(), square.height(), colour)?;
    Ok(out)
}

/// Makes pictures, a few at a time.
pub struct Maker(Arc<Semaphore>);

impl Default for Maker {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Maker {
    /// Makes a picture of what was sent, on a thread where it holds nobody up.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when too many are being made, or this one takes too long.
    pub async fn make(&self, sent: Vec<u8>) -> Result<std::result::Result<Picture, Refusal>> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(Error::Unavailable("too many pictures are being made")) };
        // The turn ends with the work, not with the waiting for it: a thread can't be stopped.
        let work = web::block(move || {
            let made = Picture::of(&sent);
            drop(turn);
            made
        });
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(made)) => Ok(made),
            // It panicked; the decoders are said not to.
            Ok(Err(error)) => {
                tracing::error!(%error, "a picture could not be decoded");
                Ok(Err(Refusal::Broken))
            }
            Err(_) => Err(Error::Unavailable("the picture took too long")),
        }
    }
}
