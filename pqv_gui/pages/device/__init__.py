"""Device: the phones, the files, and what is measured of them."""

from pqv_gui.pages import PageInfo, Shape

INFO = PageInfo(
    key="device",
    label="Device",
    implementation="pqv_gui.pages.device.page:DevicePage",
    group="working",
    order=6,
    icon=(
        Shape("outline", ((0.28, 0.08), (0.72, 0.92))),
        Shape("line", ((0.43, 0.78), (0.57, 0.78))),
    ),
)
