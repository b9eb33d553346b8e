"""What ``bench/phone_bench.py`` measures: files of the product and of LiteRT, and the programs that run them."""
