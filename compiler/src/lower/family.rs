//! Families: what `each` makes of a value. One value for every combination of members along its axes.

/// An axis: one `each`, as it was met.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The binding it stands in.
    pub(super) home: String,
    /// What varies along it.
    pub(super) label: String,
    /// What the members are called, all different.
    pub(super) members: Vec<String>,
}

/// Values along axes; the last axis varies fastest. Without axes there is one value.
#[derive(Clone, Debug)]
pub(super) struct Family<T> {
    /// Axes by number, ascending: the same axis zips, others multiply.
    pub(super) axes: Vec<usize>,
    pub(super) cells: Vec<T>,
}

impl<T> Family<T> {
    /// No family: one value.
    pub(super) fn single(value: T) -> Self {
        Self { axes: Vec::new(), cells: vec![value] }
    }

    pub(super) fn map<U>(self, change: impl FnMut(T) -> U) -> Family<U> {
        Family { axes: self.axes, cells: self.cells.into_iter().map(change).collect() }
    }
}

/// The axes of several families taken together, and how many cells they span.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    pub(super) axes: Vec<usize>,
    sizes: Vec<usize>,
}

impl Shape {
    /// The union of `parts`; `sizes` are those of all axes there are.
    pub(super) fn union<'a>(parts: impl IntoIterator<Item = &'a [usize]>, axes: &[Axis]) -> Self {
        let mut union: Vec<usize> = parts.into_iter().flatten().copied().collect();
        union.sort_unstable();
        union.dedup();
        let sizes = union.iter().map(|&axis| axes.get(axis).map_or(1, |axis| axis.members.len())).collect();
        Self { axes: union, sizes }
    }

    /// The lengths of its axes, where they multiply to more than `limit`.
    pub(super) fn beyond(&self, limit: usize) -> Option<&[usize]> {
        let cells = self.sizes.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
        cells.is_none_or(|cells| cells > limit).then_some(&self.sizes)
    }

    /// How many cells; call [`Self::beyond`] first.
    pub(super) fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The position along every axis of the cell `at`.
    pub(super) fn coordinates(&self, mut at: usize) -> Vec<usize> {
        let mut coordinates = vec![0; self.sizes.len()];
        for (coordinate, &size) in coordinates.iter_mut().zip(&self.sizes).rev() {
            *coordinate = at % size;
            at /= size;
        }
        coordinates
    }

    /// The value that `family`, whose axes are among these, has in the cell at `coordinates`.
    pub(super) fn pick<'f, T>(&self, family: &'f Family<T>, coordinates: &[usize]) -> Option<&'f T> {
        let mut index = 0;
        for axis in &family.axes {
            let at = self.axes.binary_search(axis).ok()?;
            index = index * self.sizes.get(at)? + coordinates.get(at)?;
        }
        family.cells.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(members: usize) -> Axis {
        let members = (0..members).map(|member| member.to_string()).collect();
        Axis { home: String::new(), label: String::new(), members }
    }

    #[test]
    fn the_same_axis_zips_and_others_multiply() {
        let axes = [axis(2), axis(3)];
        let first = Family { axes: vec![0], cells: vec!['a', 'b'] };
        let both = Family { axes: vec![0, 1], cells: (0..6).collect::<Vec<_>>() };
        let shape = Shape::union([first.axes.as_slice(), both.axes.as_slice()], &axes);
        assert_eq!(shape.len(), 6);
        let cells: Vec<_> = (0..shape.len())
            .map(|at| {
                let coordinates = shape.coordinates(at);
                (*shape.pick(&first, &coordinates).unwrap(), *shape.pick(&both, &coordinates).unwrap())
            })
            .collect();
        assert_eq!(cells, [('a', 0), ('a', 1), ('a', 2), ('b', 3), ('b', 4), ('b', 5)]);
    }

    #[test]
    fn sizes_are_known_without_expanding() {
        let axes = vec![axis(100); 40];
        let all: Vec<usize> = (0..40).collect();
        assert!(Shape::union([all.as_slice()], &axes).beyond(10_000).is_some());
        assert!(Shape::union([&all[..2]], &axes).beyond(10_000).is_none());
    }
}
