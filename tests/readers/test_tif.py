"""Movies in tif files: what is read is what was written, lazily; what is no movie is refused in a sentence."""

import struct

import numpy as np
import pytest
import tifffile

from neuropipe import readers
from neuropipe.errors import BadInput

FRAMES = np.random.default_rng(2).integers(0, 250, (9, 14, 11)).astype(np.uint16) * 257


def read(*paths, frame_rate=15.0, **more):
    return readers.get("tif").load()({path.name: path for path in paths}, frame_rate=frame_rate, **more)


def tif(folder, frames=FRAMES, name="movie.tif", **options):
    path = folder / name
    tifffile.imwrite(path, frames, **{"photometric": "minisblack"} | options)
    return path


def page_by_page(folder, frames=FRAMES, name="movie.tif", **options):
    """As microscopes write: each page's directory beside its image."""
    path = folder / name
    with tifffile.TiffWriter(path, **options) as writer:
        for frame in frames:
            writer.write(frame, contiguous=False, photometric="minisblack")
    return path


class TestReading:
    @pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2"])
    @pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
    @pytest.mark.parametrize("write", [tif, page_by_page])
    def test_pages_are_frames(self, write, dtype, options, tmp_path):
        frames = FRAMES.astype(dtype)
        movie = read(write(tmp_path, frames, **options)).movie
        assert movie.frames.shape == frames.shape
        assert movie.frames.dtype == np.dtype(dtype)
        assert movie.frames[2:7].dtype == np.dtype(dtype)
        np.testing.assert_array_equal(movie.frames[:], frames)
        np.testing.assert_array_equal(movie.frames[2:8:3], frames[2:8:3])
        np.testing.assert_array_equal(movie.frames[5:5], frames[:0])
        np.testing.assert_allclose(movie.frame_times, np.arange(9) / 15)

    @pytest.mark.parametrize("options", [{"compression": "zlib"}, {"compression": "lzw"}, {"tile": (16, 16)}])
    def test_compressed_and_tiled_pages(self, options, tmp_path):
        np.testing.assert_array_equal(read(tif(tmp_path, **options)).movie.frames[:], FRAMES)

    def test_an_npz_beside_the_images_says_when_and_what(self, tmp_path):
        times = 3.0 + np.arange(9) / 15
        beside = tmp_path / "session.npz"
        np.savez(beside, frame_times=times, trial_start=[3.0, 3.2], choice=["left", "right"])
        found = read(tif(tmp_path), beside, frame_rate=None)
        np.testing.assert_array_equal(found.movie.frame_times, times)
        assert found.trials.to_dict("list") == {"start": [3.0, 3.2], "choice": ["left", "right"]}
        np.savez(beside, time=[3.0, 3.1], behaviour_speed=[1.0, 2.0])
        np.testing.assert_array_equal(read(tif(tmp_path), beside).behaviour["speed"].values, [1, 2])

    @pytest.mark.parametrize(
        ("arrays", "frame_rate", "sentence"),
        [
            (
                {"frame_times": np.arange(9.0)},
                15.0,
                "session.npz: frame_times and frame_rate in the parameters both say",
            ),
            ({"frame_times": np.arange(8.0)}, None, "give a time, in s, for each of 9 frames"),
            ({"trial_start": np.arange(2.0)}, None, "the frame rate of movie.tif is not known"),
            ({"choice": np.arange(2)}, 15.0, "session.npz has no trial_start, so choice belong to no trial"),
        ],
    )
    def test_an_npz_that_does_not_fit(self, arrays, frame_rate, sentence, tmp_path):
        np.savez(tmp_path / "session.npz", **arrays)
        with pytest.raises(BadInput, match=sentence):
            read(tif(tmp_path), tmp_path / "session.npz", frame_rate=frame_rate)

    def test_several_files_follow_each_other_by_number(self, tmp_path):
        parts = {"m_10.tif": FRAMES[6:], "m_9.tif": FRAMES[2:6], "m_1.tif": FRAMES[:2]}
        movie = read(*(tif(tmp_path, frames, name) for name, frames in parts.items())).movie
        np.testing.assert_array_equal(movie.frames[:], FRAMES)
        np.testing.assert_array_equal(movie.frames[1:7], FRAMES[1:7])
        np.testing.assert_array_equal(movie.frames[8:20], FRAMES[8:])

    def test_an_imagej_stack(self, tmp_path):
        movie = read(tif(tmp_path, imagej=True, metadata={"axes": "TYX"})).movie
        np.testing.assert_array_equal(movie.frames[:], FRAMES)

    def test_images_that_follow_the_only_page_of_a_large_imagej_stack_are_mapped(self, tmp_path):
        path = tif(tmp_path, FRAMES[0], description="ImageJ=1.54f\nimages=9\nslices=9\n", metadata=None, byteorder=">")
        with tifffile.TiffFile(path) as file:
            start = file.pages[0].dataoffsets[0]
        path.write_bytes(path.read_bytes()[:start] + FRAMES.astype(">u2").tobytes())
        frames = read(path).movie.frames
        assert frames.dtype == np.uint16
        np.testing.assert_array_equal(frames[:], FRAMES)
        np.testing.assert_array_equal(frames[3:5], FRAMES[3:5])
        path.write_bytes(path.read_bytes()[:-2])
        with pytest.raises(BadInput, match="movie.tif says that it holds 9 images, but it is too short for them"):
            read(path)

    def test_images_are_read_when_they_are_asked_for(self, tmp_path, monkeypatch):
        path, asked = tif(tmp_path), []
        image = tifffile.TiffPage.asarray
        monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda page: asked.append(page.index) or image(page))
        frames = read(path).movie.frames
        assert asked == []
        frames[3:6]
        assert asked == [3, 4, 5]

    def test_files_that_metadata_name_are_not_opened(self, tmp_path):
        tif(tmp_path, FRAMES[:4] + 1, "other.ome.tif")
        named = "".join(
            f'<TiffData FirstT="{t}" IFD="{t}"><UUID FileName="other.ome.tif">urn:uuid:1</UUID></TiffData>'
            for t in range(9)
        )
        text = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
            '<Pixels DimensionOrder="XYZCT" ID="Pixels:0" SizeC="1" SizeT="9" SizeX="11" SizeY="14" SizeZ="1" '
            f'Type="uint16">{named}</Pixels></Image></OME>'
        )
        path = tif(tmp_path, name="set.ome.tif", description=text, metadata=None)
        np.testing.assert_array_equal(read(path).movie.frames[:], FRAMES)


class TestRefusals:
    @pytest.mark.parametrize(
        ("frames", "options", "sentence"),
        [
            (FRAMES[:1], {}, "the recording has 1 frame; it takes two or more"),
            (FRAMES.astype(np.float32), {}, "movie.tif: page 1 holds float32; save integers of 8 or 16 bits"),
            (FRAMES.astype(np.int32), {}, "movie.tif: page 1 holds int32"),
            (FRAMES > 9, {}, "movie.tif: page 1 holds bool"),
            (np.stack([FRAMES] * 3, -1), {"photometric": "rgb"}, "page 1 is RGB with 3 values a pixel; .* grey"),
            (FRAMES.astype("u1"), {"photometric": "palette", "colormap": np.zeros((3, 256), "u2")}, "is PALETTE with"),
            (FRAMES, {"photometric": "miniswhite"}, "is MINISWHITE with .* 0 is black"),
            (
                FRAMES[:8].reshape(4, 2, 14, 11),
                {"imagej": True, "metadata": {"axes": "TCYX"}},
                "holds 2 channels of 1 planes, one after another; save one channel of one plane",
            ),
            (
                FRAMES[:8].reshape(4, 2, 14, 11),
                {"imagej": True, "metadata": {"axes": "TZYX"}},
                "holds 1 channels of 2 planes",
            ),
            (FRAMES[:8].reshape(4, 2, 14, 11), {"ome": True, "metadata": {"axes": "TCYX"}}, "holds 2 channels of 1"),
            (FRAMES, {"software": "SI.hChannels.channelSave = [1;2]\n", "metadata": None}, "holds 2 channels of 1"),
        ],
    )
    def test_what_is_no_movie(self, frames, options, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read(tif(tmp_path, frames, **options))

    @pytest.mark.parametrize(
        ("other", "sentence"),
        [
            (np.zeros((14, 12), "u2"), r"page 3 is \(14, 12\) uint16, page 1 \(14, 11\) uint16; all must be alike"),
            (np.zeros((14, 11), "u1"), r"page 3 is \(14, 11\) uint8, page 1 \(14, 11\) uint16"),
        ],
    )
    def test_frames_that_differ(self, other, sentence, tmp_path):
        with pytest.raises(BadInput, match=sentence):
            read(page_by_page(tmp_path, [*FRAMES[:2], other]))
        with pytest.raises(BadInput, match=r"b.tif holds 14 x 1\d uint\d+, a.tif 14 x 11 uint16; .* must be alike"):
            read(tif(tmp_path, name="a.tif"), tif(tmp_path, other, "b.tif"))

    @pytest.mark.parametrize("compression", [None, "zlib"])
    @pytest.mark.parametrize("write", [tif, page_by_page])
    def test_a_file_cut_anywhere(self, write, compression, tmp_path):
        path = tif(tmp_path, compression=compression) if compression else write(tmp_path)
        content = path.read_bytes()
        after_the_last_directory = 16  # zeros that tifffile puts there
        for length in {*range(0, len(content), 97), 4, 8, 9, len(content) - after_the_last_directory - 1}:
            path.write_bytes(content[:length])
            with pytest.raises(BadInput, match=r"movie\.tif"):
                read(path)

    @pytest.mark.parametrize("frame_rate", [0, -5.0, float("nan"), float("inf"), "fast", True])
    def test_a_frame_rate_that_is_none(self, frame_rate, tmp_path):
        with pytest.raises(BadInput, match=r"parameters of movie.tif: frame_rate must be (one number|above 0), in Hz"):
            read(tif(tmp_path), frame_rate=frame_rate)

    def test_a_frame_rate_that_is_missing(self, tmp_path):
        with pytest.raises(BadInput, match="the frame rate of movie.tif is not known: .* give `frame_rate: ` in Hz"):
            read(tif(tmp_path), frame_rate=None)

    def test_files_that_are_none(self, tmp_path):
        with pytest.raises(BadInput, match="the file gone.tif is not there: no such file as"):
            read(tmp_path / "gone.tif")
        with pytest.raises(BadInput, match="needs one tif file or more"):
            read()
        (tmp_path / "text.tif").write_text("no movie, but long enough to be looked into " * 9)
        with pytest.raises(BadInput, match=r"text.tif can't be read as a tif file"):
            read(tmp_path / "text.tif")

    def test_a_page_that_was_announced_but_never_written(self, tmp_path):
        path = page_by_page(tmp_path)
        with tifffile.TiffFile(path) as file:
            tag = file.pages[4].tags["StripByteCounts"]
        content = bytearray(path.read_bytes())
        content[tag.valueoffset : tag.valueoffset + 4] = struct.pack("<I", 0)
        path.write_bytes(content)
        with pytest.raises(BadInput, match="movie.tif: page 5 lacks part of its image"):
            read(path)

    def test_an_image_that_can_not_be_decoded(self, tmp_path):
        path = tif(tmp_path, compression="zlib")
        with tifffile.TiffFile(path) as file:
            start = file.pages[6].dataoffsets[0]
        content = bytearray(path.read_bytes())
        content[start : start + 40] = bytes(40)
        path.write_bytes(content)
        frames = read(path).movie.frames
        np.testing.assert_array_equal(frames[:6], FRAMES[:6])
        with pytest.raises(BadInput, match="movie.tif can't be read as a tif file: .*; is it one, and whole?"):
            frames[5:8]
