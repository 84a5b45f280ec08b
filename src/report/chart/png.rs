//! Renders SVG to PNG at twice its size, with an embedded font and no system fonts, so that a
//! picture is the same everywhere.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};
use thiserror::Error;

/// The number of pixels of the picture per pixel of the drawing.
pub(crate) const SCALE: f32 = 2.0;
/// The maximum width and height of a picture.
const LARGEST: u32 = 16_384;

/// The reason why a drawing could not be rendered.
#[derive(Debug, Error)]
pub enum PngError {
    /// The drawing is not SVG.
    #[error("can't read the chart's drawing")]
    Svg(#[from] resvg::usvg::Error),
    /// The picture would be far too large to look at.
    #[error("can't make a picture of {width} by {height} pixels")]
    Size {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The PNG could not be encoded.
    #[error("can't encode the picture: {0}")]
    Encode(String),
}

/// Renders a drawing as a picture.
///
/// # Errors
/// If the drawing is not SVG, or far too large.
pub fn render(svg: &str) -> Result<Vec<u8>, PngError> {
    let options = Options {
        fontdb: fonts(),
        font_family: "DejaVu Sans".into(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options)?;
    let (width, height) = (
        (tree.size().width() * SCALE).round() as u32,
        (tree.size().height() * SCALE).round() as u32,
    );
    let too_large = || PngError::Size { width, height };
    if width > LARGEST || height > LARGEST {
        return Err(too_large());
    }
    let mut pixmap = Pixmap::new(width, height).ok_or_else(too_large)?;
    resvg::render(
        &tree,
        Transform::from_scale(SCALE, SCALE),
        &mut pixmap.as_mut(),
    );
    pixmap
        .encode_png()
        .map_err(|e| PngError::Encode(e.to_string()))
}

/// Returns DejaVu Sans in two weights, loaded once.
fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut database = Database::new();
            database.load_font_data(dejavu::sans::regular().to_vec());
            database.load_font_data(dejavu::sans::bold().to_vec());
            database.set_sans_serif_family("DejaVu Sans");
            Arc::new(database)
        })
        .clone()
}
