//! `vizsla methods`: what there is to choose from.

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use vizsla_retrieval::{Family, Method, methods, ready_recipe};

use super::Outcome;
use crate::output::{self, Table};

/// List the methods that a recipe or a command can name: detectors, descriptors, poolings, geometry, indexes, stages, ready recipes …
///
/// Each with what it does, its paper, what it costs and what is kept for it. A family or the name of a method shows those
/// alone.
#[derive(Args)]
pub struct Arguments {
    /// A family (detector, descriptor, whole_image, aggregation, pooling, clustering, assignment, scoring, matching, geometry, index,
    /// fusion, stage, recipe) or the name of a method
    #[arg(value_name = "FAMILY or NAME")]
    which: Option<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listing {
    methods: Vec<Method>,
}

impl Arguments {
    pub fn run(self) -> Result<Outcome> {
        let methods = match &self.which {
            None => methods(),
            Some(which) => chosen(which)?,
        };
        match methods.as_slice() {
            _ if self.json => output::json(&Listing { methods })?,
            [method] => output::show(&one(method))?,
            methods => output::show(&tables(methods, self.which.is_some()))?,
        }
        Ok(Outcome::Done)
    }
}

/// Those of a family, or of a name.
fn chosen(which: &str) -> Result<Vec<Method>> {
    let mut all = methods();
    let unknown = match which.parse::<Family>() {
        Ok(family) => {
            all.retain(|method| method.family == family);
            return Ok(all);
        }
        Err(unknown) => unknown,
    };
    // A name may be given with its figures, as it stands in a recipe.
    let plain = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
    let exact = all.iter().any(|method| method.name == which);
    all.retain(|method| match exact {
        true => method.name == which,
        false => plain(&method.name) == plain(which),
    });
    match all.is_empty() {
        true => Err(anyhow::anyhow!(
            "{unknown}, or the name of a method; `vizsla methods` lists them"
        )),
        false => Ok(all),
    }
}

/// Names and what they do, family by family.
fn tables(methods: &[Method], papers: bool) -> String {
    let mut text = String::new();
    for family in Family::ALL {
        let of_family = || methods.iter().filter(|method| method.family == family);
        if of_family().next().is_none() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        let (setting, page) = (family.setting(), family.page());
        let several = of_family().any(|method| method.setting != setting);
        let place = match (several, setting.contains(" --")) {
            (true, _) => format!("vizsla {setting} OPTION NAME"),
            (false, true) => format!("vizsla {setting} NAME"),
            (false, false) => format!("{setting} of a recipe"),
        };
        text.push_str(&format!("{family}: {place}; {page}\n"));
        let mut heads = vec!["", "name", "what"];
        if several {
            heads.insert(1, "option");
        }
        if papers {
            heads.push("paper");
        }
        let mut table = Table::new(&heads);
        for method in of_family() {
            let marked = if method.default { "*" } else { "" };
            let mut cells = vec![
                marked.to_owned(),
                method.name.clone(),
                method.about.what.to_owned(),
            ];
            if several {
                let option = method.setting.trim_start_matches(setting).trim_start();
                cells.insert(1, option.to_owned());
            }
            if papers {
                cells.push(method.about.paper.to_owned());
            }
            table.row(cells);
        }
        text.push_str(&table.render());
    }
    text.push_str("\n* what a recipe that says nothing has; `vizsla methods NAME` tells more\n");
    text
}

/// Everything of one method; of a ready recipe its text as well.
fn one(method: &Method) -> String {
    let about = &method.about;
    // What is learned before there is a recipe, a recipe itself and what is asked of two pictures are options of a command.
    let chosen = match method.setting.split_once(" --") {
        Some((_, option)) if option == method.name => format!("vizsla {}", method.setting),
        Some(_) => format!("vizsla {} {}", method.setting, method.name),
        None => format!("{} = \"{}\"", method.setting, method.name),
    };
    let ready = match method.family {
        Family::Recipe => ready_recipe(&method.name),
        _ => None,
    };
    let text = ready.map_or_else(String::new, |ready| format!("\n{}", ready.text));
    format!(
        "{name}: {what}\n  {family}, {chosen}\n  paper   {paper}\n  cost    {cost}\n  memory  {memory}\n  \
         page    {page}\n{text}",
        name = method.name,
        what = about.what,
        family = method.family,
        paper = about.paper,
        cost = about.cost,
        memory = about.memory,
        page = method.family.page(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_or_a_name_is_enough() {
        let stages = chosen("stage").unwrap();
        assert!(stages.len() > 3 && stages.iter().all(|m| m.family == Family::Stage));
        assert_eq!(chosen("hessian_affine").unwrap().len(), 1);
        assert!(one(&chosen("mser").unwrap()[0]).contains("Matas"));
        let tree = one(&chosen("hierarchical").unwrap()[0]);
        assert!(
            tree.contains("vizsla codebook train --clustering hierarchical"),
            "{tree}"
        );
        let asmk = one(&chosen("asmk").unwrap()[0]);
        assert!(asmk.contains("search.scoring = \"asmk\""), "{asmk}");
        assert_eq!(chosen("gem:4").unwrap()[0].name, "gem:3");
        let system = one(&chosen("video_google").unwrap()[0]);
        assert!(system.contains("--recipe video_google\n") && system.contains("[local]"));
        assert!(chosen("expand").unwrap().len() > 2);
        let guided = one(&chosen("guided").unwrap()[0]);
        assert!(guided.contains("vizsla match --guided\n"), "{guided}");
        let magsac = one(&chosen("magsac").unwrap()[0]);
        assert!(
            magsac.contains("vizsla match --scoring magsac\n"),
            "{magsac}"
        );
        let geometry = tables(&chosen("geometry").unwrap(), true);
        assert!(
            geometry.contains("vizsla match OPTION NAME; docs/methods/geometry.md")
                && geometry.contains("--local-optimisation"),
            "{geometry}"
        );
        let error = chosen("swift").unwrap_err().to_string();
        assert!(
            error.contains("swift") && error.contains("detector"),
            "{error}"
        );
    }

    #[test]
    fn the_default_of_a_family_is_marked() {
        let text = tables(&methods(), false);
        assert!(
            text.contains("*  dog") && text.contains("*  verify"),
            "{text}"
        );
    }
}
