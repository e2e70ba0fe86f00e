"""MedRegA's released checkpoint to the engine's files: read, converted, quantized and verified tensor by tensor.

Needs gguf and sentencepiece (the extra ``models``), never torch; no more than one tensor is in memory at a time.
"""
