"""The protocols by name."""

from experiments.protocols.coco import COCO, HEIGHT
from experiments.protocols.official import OFFICIAL
from experiments.protocols.voc import VOC07, VOC10

PROTOCOLS = {protocol.name: protocol for protocol in (COCO, VOC07, VOC10, HEIGHT, OFFICIAL)}
