@echo off
echo not a kind of file that the mapping allows
