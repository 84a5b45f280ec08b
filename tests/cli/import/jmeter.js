// Runs JMeter 2.13 as Debian packages it: its XStream takes no classes that are not allowed by name, which
// JMeter of that age does not do. Arguments are those of `jmeter`.
var home = java.lang.System.getProperty("jmeter.home");
var utils = Packages.org.apache.jmeter.util.JMeterUtils;
utils.setJMeterHome(home);
utils.loadJMeterProperties(home + "/bin/jmeter.properties");
utils.initLocale();
var service = java.lang.Class.forName("org.apache.jmeter.save.SaveService");
["JMXSAVER", "JTLSAVER"].forEach(function (name) {
    var saver = service.getDeclaredField(name);
    saver.setAccessible(true);
    saver.get(null).allowTypesByWildcard(["org.apache.**"]);
});
new Packages.org.apache.jmeter.JMeter().start(arguments);
