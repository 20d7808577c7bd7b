//! A page of HTML that needs nothing but itself: the frame, the style and the colours that all pages of this project share.
//!
//! ```
//! let page = page::page("A title", "", maud::html! { h1 { "1 < 2" } });
//! assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<h1>1 &lt; 2</h1>"));
//! ```

pub mod palette;

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// What a browser may load: nothing; and styles only from the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The page with this title and body, and with rules of style besides those of all pages. It is drawn light or dark, as the
/// reader has it, and loads nothing.
pub fn page(title: &str, style: &str, body: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style {
                    (PreEscaped(include_str!("style.css")))
                    (PreEscaped(style))
                    (PreEscaped(format!("@media (prefers-color-scheme: dark) {{\n{}}}", palette::dark_rules())))
                }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}
