//! The tree of all extremal regions, by flooding the picture from one pixel (Nistér & Stewénius 2008).
//!
//! Water runs downhill first: the lowest pixel on its shore is always the next. One stack holds the basins that are being
//! filled, each higher than the one above it; a basin becomes a node of the tree whenever its water rises. Every
//! pixel is looked at five times, whatever the picture.

/// No node, no pixel.
pub(super) const NONE: u32 = u32::MAX;

/// One extremal region: a connected set of pixels not above `level`, as large as it can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) area: u32,
    /// The smallest region of a higher level that holds this one.
    pub(super) parent: u32,
    /// The largest region right below.
    pub(super) child: u32,
    /// Another region with the same parent; only of use while the tree grows.
    sibling: u32,
    /// A pixel of it.
    pub(super) seed: u32,
    /// Where its moments lie, or [`NONE`] when its area is of no interest.
    pub(super) moments: u32,
    pub(super) level: u8,
}

/// Sums over the pixels of a region. They wrap where a picture has sides beyond 65,535.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) xx: u64,
    pub(super) xy: u64,
    pub(super) yy: u64,
}

impl Moments {
    fn add(&mut self, other: &Moments) {
        self.x = self.x.wrapping_add(other.x);
        self.y = self.y.wrapping_add(other.y);
        self.xx = self.xx.wrapping_add(other.xx);
        self.xy = self.xy.wrapping_add(other.xy);
        self.yy = self.yy.wrapping_add(other.yy);
    }

    fn of_pixel(x: u64, y: u64) -> Self {
        Self {
            x,
            y,
            xx: x.wrapping_mul(x),
            xy: x.wrapping_mul(y),
            yy: y.wrapping_mul(y),
        }
    }
}

/// All extremal regions of one polarity; a node stands after all those that it holds.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) moments: Vec<Moments>,
}

/// A basin that is being filled.
#[derive(Clone, Copy, Debug)]
struct Basin {
    /// 256 for the one below all others.
    level: u16,
    area: u32,
    seed: u32,
    /// The first of the regions that it already holds.
    children: u32,
    moments: Moments,
}

impl Basin {
    fn new(level: u16) -> Self {
        Self {
            level,
            area: 0,
            seed: NONE,
            children: NONE,
            moments: Moments::default(),
        }
    }
}

/// Pixels on the shore, a list per level, and which lists are not empty.
struct Shore {
    first: [u32; 256],
    next: Vec<u32>,
    filled: [u64; 4],
}

impl Shore {
    fn new(pixels: usize) -> Self {
        Self {
            first: [NONE; 256],
            next: vec![NONE; pixels],
            filled: [0; 4],
        }
    }

    fn push(&mut self, pixel: u32, level: u8) {
        let first = &mut self.first[usize::from(level)];
        self.next[pixel as usize] = *first;
        *first = pixel;
        self.filled[usize::from(level / 64)] |= 1 << (level % 64);
    }

    /// The lowest pixel.
    fn pop(&mut self) -> Option<(u32, u8)> {
        let word = self.filled.iter().position(|&bits| bits != 0)?;
        let level = word * 64 + self.filled[word].trailing_zeros() as usize;
        let pixel = self.first[level];
        self.first[level] = self.next[pixel as usize];
        if self.first[level] == NONE {
            self.filled[word] &= self.filled[word] - 1;
        }
        Some((pixel, level as u8))
    }
}

/// The picture, seen upright or as its negative, and how far every pixel was looked at.
struct Ground<'a> {
    values: &'a [u8],
    flip: u8,
    width: usize,
    height: usize,
    /// 0 for a dry pixel, else 1 + the number of neighbours that were looked at.
    looked: Vec<u8>,
}

impl Ground<'_> {
    fn level(&self, pixel: u32) -> u8 {
        self.values[pixel as usize] ^ self.flip
    }

    /// The next of the four neighbours that is still dry; it is wet from now on.
    fn next_dry(&mut self, pixel: u32) -> Option<u32> {
        let (at, width) = (pixel as usize, self.width);
        let (x, y) = (at % width, at / width);
        while self.looked[at] <= 4 {
            let edge = self.looked[at];
            self.looked[at] += 1;
            let neighbour = match edge {
                1 if x + 1 < width => at + 1,
                2 if y + 1 < self.height => at + width,
                3 if x > 0 => at - 1,
                4 if y > 0 => at - width,
                _ => continue,
            };
            if self.looked[neighbour] == 0 {
                self.looked[neighbour] = 1;
                return Some(neighbour as u32);
            }
        }
        None
    }
}

/// The regions not brighter than some level (`flip` 0), or not darker (`flip` 255, levels counted from white). Moments are
/// kept of those whose area lies within `areas`. The picture has fewer than 2³² - 1 pixels.
pub(super) fn flood(
    values: &[u8],
    (width, height): (usize, usize),
    flip: u8,
    areas: (u32, u32),
) -> Tree {
    let mut ground = Ground {
        values,
        flip,
        width,
        height,
        looked: vec![0; values.len()],
    };
    let mut shore = Shore::new(values.len());
    let mut tree = Tree::default();
    let mut pixel = 0;
    let mut level = ground.level(pixel);
    ground.looked[0] = 1;
    let mut stack = vec![Basin::new(256), Basin::new(u16::from(level))];
    loop {
        while let Some(neighbour) = ground.next_dry(pixel) {
            let other = ground.level(neighbour);
            if other >= level {
                shore.push(neighbour, other);
            } else {
                shore.push(pixel, level);
                (pixel, level) = (neighbour, other);
                stack.push(Basin::new(u16::from(level)));
            }
        }
        if let Some(top) = stack.last_mut() {
            let (x, y) = (pixel as usize % width, pixel as usize / width);
            top.area += 1;
            top.seed = pixel;
            top.moments.add(&Moments::of_pixel(x as u64, y as u64));
        }
        match shore.pop() {
            Some((next, higher)) => {
                if higher > level {
                    rise(&mut stack, &mut tree, u16::from(higher), areas);
                }
                (pixel, level) = (next, higher);
            }
            None => break,
        }
    }
    if let Some(top) = stack.pop() {
        finish(&mut tree, &top, areas);
    }
    tree
}

/// Lets the water of the top basin rise to `level`, over into those below where it reaches them.
fn rise(stack: &mut Vec<Basin>, tree: &mut Tree, level: u16, areas: (u32, u32)) {
    while let Some(mut top) = stack.pop() {
        let node = finish(tree, &top, areas);
        match stack.last_mut() {
            Some(below) if below.level <= level => {
                below.area += top.area;
                below.moments.add(&top.moments);
                below.seed = top.seed;
                tree.nodes[node as usize].sibling = below.children;
                below.children = node;
                if below.level == level {
                    return;
                }
            }
            _ => {
                top.level = level;
                top.children = node;
                stack.push(top);
                return;
            }
        }
    }
}

/// Makes a node of a basin as it stands.
fn finish(tree: &mut Tree, basin: &Basin, areas: (u32, u32)) -> u32 {
    let node = tree.nodes.len() as u32;
    let (mut child, mut largest) = (NONE, 0);
    let mut next = basin.children;
    while next != NONE {
        let one = &mut tree.nodes[next as usize];
        one.parent = node;
        if one.area > largest {
            (child, largest) = (next, one.area);
        }
        next = one.sibling;
    }
    let mut moments = NONE;
    if (areas.0..=areas.1).contains(&basin.area) {
        moments = tree.moments.len() as u32;
        tree.moments.push(basin.moments);
    }
    tree.nodes.push(Node {
        area: basin.area,
        parent: NONE,
        child,
        sibling: NONE,
        seed: basin.seed,
        moments,
        level: basin.level.min(255) as u8,
    });
    node
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{NONE, Tree, flood};

    fn noise(width: usize, height: usize, levels: u32) -> Vec<u8> {
        let mut state = 3u32;
        let value = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (((state >> 8) % levels) * 255 / levels.max(2)) as u8
        };
        (0..width * height).map(value).collect()
    }

    /// The pixels of the region around a pixel at a level, ascending, by looking for them.
    fn region(values: &[u8], width: usize, flip: u8, seed: usize, level: u8) -> Vec<usize> {
        let mut seen = vec![false; values.len()];
        let mut waiting = vec![seed];
        seen[seed] = true;
        while let Some(at) = waiting.pop() {
            let (x, y) = (at % width, at / width);
            let mut go = |inside: bool, to: usize| {
                if inside && !seen[to] && values[to] ^ flip <= level {
                    seen[to] = true;
                    waiting.push(to);
                }
            };
            go(x + 1 < width, at + 1);
            go(x > 0, at.wrapping_sub(1));
            go(at + width < values.len(), at + width);
            go(y > 0, at.wrapping_sub(width));
        }
        (0..values.len()).filter(|&at| seen[at]).collect()
    }

    fn check(tree: &Tree, values: &[u8], width: usize, flip: u8) {
        let mut nodes = BTreeSet::new();
        for (i, node) in tree.nodes.iter().enumerate() {
            let pixels = region(values, width, flip, node.seed as usize, node.level);
            assert_eq!(node.area as usize, pixels.len());
            let sum: usize = pixels.iter().map(|at| (at % width) * (at / width)).sum();
            assert_eq!(tree.moments[node.moments as usize].xy, sum as u64);
            assert!(nodes.insert((node.level, pixels[0])));
            let is_root = i + 1 == tree.nodes.len();
            assert_eq!(node.parent == NONE, is_root);
            if !is_root {
                let parent = &tree.nodes[node.parent as usize];
                assert!(node.parent as usize > i && parent.level > node.level);
                let largest = &tree.nodes[parent.child as usize];
                assert!(largest.area >= node.area && largest.parent == node.parent);
            }
        }
        // The region of every pixel at its own level is a node, and there are no others.
        let wanted: BTreeSet<(u8, usize)> = (0..values.len())
            .map(|at| {
                let level = values[at] ^ flip;
                (level, region(values, width, flip, at, level)[0])
            })
            .collect();
        assert_eq!(nodes, wanted);
    }

    #[test]
    fn the_tree_holds_every_region_once() {
        for (width, height, levels) in [
            (17, 13, 5),
            (24, 1, 9),
            (1, 24, 9),
            (20, 20, 200),
            (9, 9, 1),
        ] {
            let values = noise(width, height, levels);
            for flip in [0, 255] {
                let tree = flood(&values, (width, height), flip, (1, u32::MAX));
                check(&tree, &values, width, flip);
            }
        }
    }

    #[test]
    fn moments_are_kept_of_the_areas_asked_for() {
        let values = noise(17, 13, 5);
        let tree = flood(&values, (17, 13), 0, (3, 50));
        for node in &tree.nodes {
            assert_eq!(node.moments != NONE, (3..=50).contains(&node.area));
        }
    }
}
