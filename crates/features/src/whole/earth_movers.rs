//! The earth mover's distance (Rubner, Tomasi & Guibas, "The earth mover's distance as a metric for image retrieval",
//! IJCV 2000): on a line and on a circle in closed form, in general by successive shortest paths over the bipartite
//! graph of all bins. Checked against SciPy's `wasserstein_distance` and `linprog`.

/// Mass below this share of the whole counts as none left.
const NEGLIGIBLE: f64 = 1e-12;

/// The earth mover's distance of two histograms whose bins lie on a line, one apart: the sum of the absolute
/// differences of their cumulative sums. Both are brought to the sum 1, negative values counting as 0; where one is
/// empty and the other is not, the distance is the number of bins. Of different lengths the shorter one ends in
/// zeros.
pub fn earth_movers_1d(a: &[f32], b: &[f32]) -> f64 {
    match cumulative_difference(a, b) {
        Ok(differences) => differences.iter().map(|d| d.abs()).sum(),
        Err(distance) => distance,
    }
}

/// As [`earth_movers_1d`], for bins on a circle: the last one is next to the first (Werman, Peleg & Rosenfeld, CVGIP
/// 1985). The mass may go either way around, and the median of the differences says how much of it does.
pub(super) fn circular_earth_movers(a: &[f32], b: &[f32]) -> f64 {
    match cumulative_difference(a, b) {
        Ok(mut differences) => {
            differences.sort_by(f64::total_cmp);
            let median = differences.get(differences.len() / 2).copied();
            let median = median.unwrap_or(0.0);
            differences.iter().map(|d| (d - median).abs()).sum()
        }
        Err(distance) => distance,
    }
}

/// Differences of the cumulative sums, or the distance where there is nothing to move.
fn cumulative_difference(a: &[f32], b: &[f32]) -> Result<Vec<f64>, f64> {
    let mass = |h: &[f32]| h.iter().map(|&m| f64::from(m).max(0.0)).sum::<f64>();
    let (whole_a, whole_b) = (mass(a), mass(b));
    let length = a.len().max(b.len());
    if whole_a == 0.0 || whole_b == 0.0 {
        let same = whole_a == whole_b;
        return Err(if same { 0.0 } else { length as f64 });
    }
    let value = |h: &[f32], i: usize| h.get(i).map_or(0.0, |&m| f64::from(m).max(0.0));
    let mut difference = 0.0;
    let step = |i| {
        difference += value(a, i) / whole_a - value(b, i) / whole_b;
        difference
    };
    Ok((0..length).map(step).collect())
}

/// The earth mover's distance of two signatures: `supply` masses here, `demand` masses there, `cost(i, j)` for moving a
/// unit from the `i`-th to the `j`-th, at least 0. Both are brought to the sum 1, negative and non-finite masses
/// counting as 0. Exact, in time that grows with the cube of their number: meant for some dozens.
///
/// Returns 0 where both have no mass, infinity where one has none.
///
/// ```
/// let places = [0.0f64, 3.0, 10.0];
/// let distance = |i: usize, j: usize| (places[i] - places[j]).abs();
/// let work = vizsla_features::earth_movers(&[1.0, 1.0, 0.0], &[0.0, 1.0, 1.0], distance);
/// assert!((work - 5.0).abs() < 1e-9);
/// ```
pub fn earth_movers(supply: &[f64], demand: &[f64], cost: impl Fn(usize, usize) -> f64) -> f64 {
    let (supply, demand) = (unit_sum(supply), unit_sum(demand));
    match (supply, demand) {
        (None, None) => 0.0,
        (Some(supply), Some(demand)) => Transport::new(supply, demand, cost).solve(),
        _ => f64::INFINITY,
    }
}

fn unit_sum(mass: &[f64]) -> Option<Vec<f64>> {
    let clean = |&m: &f64| if m.is_finite() { m.max(0.0) } else { 0.0 };
    let mass: Vec<f64> = mass.iter().map(clean).collect();
    let total: f64 = mass.iter().sum();
    (total > 0.0).then(|| mass.iter().map(|m| m / total).collect())
}

/// A transportation problem. Nodes are the sources, then the sinks.
struct Transport {
    supply: Vec<f64>,
    demand: Vec<f64>,
    /// `cost[i * sinks + j]`.
    cost: Vec<f64>,
    flow: Vec<f64>,
    /// Dual prices: reduced costs `cost + price[i] - price[j]` of all arcs that can carry more are never negative.
    price: Vec<f64>,
}

/// The tree of shortest paths from all sources that have something left.
struct Paths {
    distance: Vec<f64>,
    before: Vec<Option<usize>>,
    /// The nearest sink that wants something.
    end: usize,
}

impl Transport {
    fn new(supply: Vec<f64>, demand: Vec<f64>, cost: impl Fn(usize, usize) -> f64) -> Self {
        let (sources, sinks) = (supply.len(), demand.len());
        let cost = (0..sources * sinks)
            .map(|arc| cost(arc / sinks, arc % sinks).max(0.0))
            .collect();
        Transport {
            flow: vec![0.0; sources * sinks],
            price: vec![0.0; sources + sinks],
            supply,
            demand,
            cost,
        }
    }

    fn solve(mut self) -> f64 {
        // Each path empties a source, fills a sink or frees an arc; rounding must not make it endless.
        let most = 16 * (self.supply.len() + self.demand.len()).pow(2);
        for _ in 0..most {
            let Some(paths) = self.shortest() else {
                break;
            };
            let reach = paths.distance[paths.end];
            for (price, distance) in self.price.iter_mut().zip(&paths.distance) {
                *price += distance.min(reach);
            }
            self.push(&paths);
        }
        self.flow.iter().zip(&self.cost).map(|(f, c)| f * c).sum()
    }

    /// Dijkstra's algorithm over the dense graph, until a sink that wants something is reached.
    fn shortest(&self) -> Option<Paths> {
        let (sources, sinks) = (self.supply.len(), self.demand.len());
        let mut distance = vec![f64::INFINITY; sources + sinks];
        let mut before = vec![None; sources + sinks];
        let mut done = vec![false; sources + sinks];
        for (d, &left) in distance.iter_mut().zip(&self.supply) {
            if left > NEGLIGIBLE {
                *d = 0.0;
            }
        }
        loop {
            let open = (0..sources + sinks).filter(|&node| !done[node]);
            let node = open.min_by(|&a, &b| distance[a].total_cmp(&distance[b]))?;
            if distance[node] == f64::INFINITY {
                return None;
            }
            done[node] = true;
            if node >= sources && self.demand[node - sources] > NEGLIGIBLE {
                return Some(Paths {
                    distance,
                    before,
                    end: node,
                });
            }
            let base = distance[node] + self.price[node];
            let neighbours = if node < sources {
                sources..sources + sinks
            } else {
                0..sources
            };
            for next in neighbours {
                let step = if node < sources {
                    self.cost[node * sinks + next - sources]
                } else {
                    let arc = next * sinks + node - sources;
                    if self.flow[arc] <= NEGLIGIBLE {
                        continue;
                    }
                    -self.cost[arc]
                };
                let along = (base + step - self.price[next]).max(distance[node]);
                if !done[next] && along < distance[next] {
                    distance[next] = along;
                    before[next] = Some(node);
                }
            }
        }
    }

    /// Moves as much as the path to `paths.end` can carry.
    fn push(&mut self, paths: &Paths) {
        let (sources, sinks) = (self.supply.len(), self.demand.len());
        let mut arcs = Vec::new();
        let mut most = self.demand[paths.end - sources];
        let mut node = paths.end;
        while let Some(previous) = paths.before[node] {
            let forward = previous < sources;
            let arc = if forward {
                previous * sinks + node - sources
            } else {
                node * sinks + previous - sources
            };
            if !forward {
                most = most.min(self.flow[arc]);
            }
            arcs.push((arc, if forward { 1.0 } else { -1.0 }));
            node = previous;
        }
        most = most.min(self.supply[node]);
        for (arc, sign) in arcs {
            self.flow[arc] += sign * most;
        }
        self.supply[node] -= most;
        self.demand[paths.end - sources] -= most;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_line_and_on_a_circle_the_closed_forms_are_what_transport_gives() {
        let mut state = 3u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as f32
        };
        for bins in [1usize, 2, 5, 16, 40] {
            let a: Vec<f32> = (0..bins).map(|_| random()).collect();
            let b: Vec<f32> = (0..bins).map(|_| random()).collect();
            let wide = |h: &[f32]| h.iter().map(|&m| f64::from(m)).collect::<Vec<_>>();
            let line = |i: usize, j: usize| i.abs_diff(j) as f64;
            let circle = |i: usize, j: usize| i.abs_diff(j).min(bins - i.abs_diff(j)) as f64;
            let exact = earth_movers(&wide(&a), &wide(&b), line);
            assert!((exact - earth_movers_1d(&a, &b)).abs() < 1e-9, "{bins}");
            let exact = earth_movers(&wide(&a), &wide(&b), circle);
            assert!(
                (exact - circular_earth_movers(&a, &b)).abs() < 1e-9,
                "{bins}"
            );
        }
    }

    #[test]
    fn nothing_and_nonsense_are_survived() {
        assert_eq!(earth_movers(&[], &[], |_, _| 1.0), 0.0);
        assert_eq!(earth_movers(&[1.0], &[], |_, _| 1.0), f64::INFINITY);
        let work = earth_movers(&[f64::NAN, 1.0, -3.0], &[2.0, f64::INFINITY], |_, _| 2.0);
        assert_eq!(work, 2.0);
        assert_eq!(earth_movers_1d(&[], &[]), 0.0);
        assert_eq!(earth_movers_1d(&[1.0], &[0.0, 0.0, 1.0]), 2.0);
    }
}
