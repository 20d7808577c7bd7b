//! A page of HTML that loads nothing: its frame and its style.

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// A page with this title and body, in the style of all reports; `style` are rules of its own.
pub fn sheet(title: &str, style: &str, body: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) (PreEscaped(style)) }
            }
            body { main { (body) } }
        }
    };
    page.into_string()
}
