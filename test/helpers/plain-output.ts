// Before every test file: no colours, here or in the programs that tests start, whatever the machine's environment asks
// for (CI and FORCE_COLOR make picocolors colour into pipes too). FORCE_COLOR goes: beside NO_COLOR Node warns of it on
// stderr.
process.env.NO_COLOR = '1';
delete process.env.FORCE_COLOR;
