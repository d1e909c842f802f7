"""Drawing of one phantom radiograph: attenuation of soft tissue and bones, then the film."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.phantom.anatomy.regions import build_anatomy
from ingest.phantom.drawing import film
from ingest.phantom.drawing.attenuation import add_bone, draw_tissue
from ingest.phantom.drawing.film import Image
from ingest.phantom.drawing.lesion import Box, add_lesion
from ingest.phantom.drawing.patient import choose_patient
from ingest.phantom.drawing.pose import Outline, choose_pose
from ingest.phantom.drawing.site import Site, choose_site
from shared.labels import MuraPart


class View(NamedTuple):
    """The columns of the plan that determine an image."""

    view_id: str
    body_part: MuraPart
    width_px: int
    height_px: int
    channels: int
    lesion: str | None
    view_seed: int
    study_seed: int
    patient_seed: int


def draw(view: View) -> tuple[NDArray[np.uint8], Box | None]:
    """Draw a radiograph, uint8 (height, width), and return its lesion's box in pixels, if any."""
    # the same view gives the same pixels on any machine
    seeds = view.patient_seed, view.study_seed, view.view_seed
    patient_rng, study_rng, rng = (np.random.default_rng(seed) for seed in seeds)
    patient = choose_patient(patient_rng)
    size = (view.width_px, view.height_px)
    anatomy = build_anatomy(view.body_part, study_rng, rng)
    pose = choose_pose(view.body_part, anatomy, size, patient, rng)
    bodies = [pose.project(body) for body in anatomy.tissue]
    tissue = draw_tissue(bodies, size, anatomy.thick_mm * pose.scale, rng)
    breakable, others = (
        [pose.project(b.roughened(patient_rng, patient.girth, patient.cortex)) for b in bones]
        for bones in (anatomy.bones, anatomy.background)
    )
    beam = film.field_of_beam(size, rng)
    site = choose_site(breakable, beam, study_rng) if view.lesion else None
    bones, box = _draw_bones(view, site, (*others, *breakable), rng)
    attenuation = 0.38 * patient.fat * tissue + 1.15 * patient.density * bones
    grey = film.expose(attenuation, size, patient.exposure, rng)
    if rng.random() < 0.92:
        film.add_marker(grey, _find_covered(tissue, beam, box), patient.is_left, rng)
    return film.develop(grey, beam, rng), box


def _find_covered(tissue: Image, beam: NDArray[np.uint8], box: Box | None) -> Image:
    # the cost of a marker by position: it must not hide the lesion
    covered = tissue + np.where(beam == 0, np.float32(2), np.float32(0))
    if box:
        x, y, width, height = box
        covered[y : y + height, x : x + width] += 50
    return covered


def _draw_bones(
    view: View, site: Site | None, outlines: Sequence[Outline], rng: np.random.Generator
) -> tuple[Image, Box | None]:
    total = np.zeros((view.height_px, view.width_px), np.float32)
    box = None
    for outline in outlines:
        if site is None or outline is not site.outline:
            add_bone(total, outline)
    size = (view.width_px, view.height_px)
    total *= 1 + 0.1 * film.texture("spongy", size, rng)
    if view.lesion and site:
        layer = np.zeros_like(total)
        add_bone(layer, site.outline)
        layer *= 1 + 0.1 * film.texture("spongy", size, rng)
        layer, box = add_lesion(view.lesion, layer, site, rng)
        total += layer
    return total, box
